// What rails, statuses and events are called on the screen, in which order and colour: the same everywhere.

const RAILS = {
  instant: ["Instant", "blue"], wire: ["Wire", "orange"], same_day_ach: ["Same-day ACH", "teal"],
  standard_ach: ["Standard ACH", "violet"], swift: ["SWIFT", "olive"],
};
const STATUSES = {
  completed: ["Completed", "teal"], refunded: ["Refunded", "violet"], processing: ["Processing", "blue"],
  pending: ["Pending", "sky"], cancelled: ["Cancelled", "grey"], returned: ["Returned", "orange"],
  failed: ["Failed", "red"],
};

// What a later release calls something is shown as it says it.
const spelled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");

const of = (table, name) => (Object.hasOwn(table, name) ? table[name] : [spelled(name), "grey"]);
export const railName = (rail) => of(RAILS, rail)[0];
export const railColour = (rail) => of(RAILS, rail)[1];
export const statusName = (status) => of(STATUSES, status)[0];
export const statusColour = (status) => of(STATUSES, status)[1];
export const eventName = (event) => spelled(event.replace(/^payment_/, ""));

/** Return rails or statuses in their order; those that are not known here come last, by name. */
export function inOrder(names, kind) {
  const known = Object.keys(kind === "status" ? STATUSES : RAILS);
  const place = (name) => (known.includes(name) ? known.indexOf(name) : known.length);
  return [...names].sort((one, other) => place(one) - place(other) || one.localeCompare(other));
}
