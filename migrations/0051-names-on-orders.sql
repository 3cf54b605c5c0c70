-- An order says what its goods were called when it was made: a name that is corrected afterwards changes no paper.

alter table store.redemption_line
  add column name text,
  add column unit text;

-- All villages' rows, whatever the scope. What was corrected since the order is taken from the correction.
alter table store.redemption_line no force row level security;
alter table store.redemption no force row level security;
alter table store.goods no force row level security;
alter table corrections.correction no force row level security;
update store.redemption_line l
   set name = regexp_replace(coalesce(then_called.name, g.name), '[[:cntrl:]]+', ' ', 'g'),
       unit = regexp_replace(coalesce(then_called.unit, g.unit), '[[:cntrl:]]+', ' ', 'g')
  from store.redemption r, store.goods g, lateral (
    select (array_agg(c.old_value order by c.version) filter (where c.field = 'name'))[1] as name,
           (array_agg(c.old_value order by c.version) filter (where c.field = 'unit'))[1] as unit
      from corrections.correction c
     where c.village = g.village and c.subject = 'goods' and c.subject_id = g.id::text and c.at > r.created_at) then_called
 where r.village = l.village and r.id = l.redemption_id and g.village = l.village and g.id = l.goods_id;
alter table corrections.correction force row level security;
alter table store.goods force row level security;
alter table store.redemption force row level security;

alter table store.redemption_line
  alter column name set not null,
  alter column unit set not null,
  -- A receipt is made of lines: what a name cannot hold, it cannot forge.
  add constraint redemption_line_name check (length(name) between 1 and 60 and name !~ '[[:cntrl:]]'),
  add constraint redemption_line_unit check (length(unit) between 1 and 10 and unit !~ '[[:cntrl:]]');
alter table store.redemption_line force row level security;
comment on column store.redemption_line.name is 'What the goods were called when they were ordered.';
comment on column store.redemption_line.unit is 'Unit the goods were counted in when they were ordered.';
