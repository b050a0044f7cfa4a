-- agree_lease: a lease's terms, on the row that pay_leases has made and locked; they only move forward by their version.
UPDATE projection.leases SET
    version = %(version)s,
    property_id = %(property_id)s,
    renter_id = %(renter_id)s,
    rent_minor = %(rent_minor)s,
    due_day = %(due_day)s,
    start_date = %(start_date)s,
    due_until = %(due_until)s
WHERE lease_id = %(lease_id)s AND tenant_id = %(tenant_id)s AND coalesce(version, 0) < %(version)s
