-- bound_to_live: what a rebuild would leave behind: views that read the live tables themselves instead of analytics or
-- live, foreign keys to them, triggers upon them; and what else is in their schema that is no projection.
SELECT DISTINCT format('the view %s reads %s', rule.ev_class::regclass, dependency.refobjid::regclass)
FROM pg_catalog.pg_depend AS dependency
JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = dependency.objid
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = dependency.refobjid
WHERE dependency.classid = 'pg_rewrite'::regclass AND dependency.refclassid = 'pg_class'::regclass
    AND leaf.relnamespace = 'projection'::regnamespace AND rule.ev_class <> leaf.oid
UNION ALL
SELECT format('%s refers to %s', conrelid::regclass, confrelid::regclass)
FROM pg_catalog.pg_constraint
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = confrelid
WHERE contype = 'f' AND leaf.relnamespace = 'projection'::regnamespace
UNION ALL
SELECT format('the trigger %s is on %s', tgname, tgrelid::regclass)
FROM pg_catalog.pg_trigger
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = tgrelid
WHERE NOT tgisinternal AND leaf.relnamespace = 'projection'::regnamespace
UNION ALL
SELECT format('%s is no projection', oid::regclass)
FROM pg_catalog.pg_class
WHERE relnamespace = 'projection'::regnamespace AND NOT relispartition
    AND relkind NOT IN ('i', 'I') AND relname <> 'migrations'
UNION ALL
SELECT format('the function %s is no projection', oid::regprocedure)
FROM pg_catalog.pg_proc
WHERE pronamespace = 'projection'::regnamespace
ORDER BY 1
