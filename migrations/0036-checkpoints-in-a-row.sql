-- Checkpoints of a book stand in a row: each has the next number and names the one before it, so that one that was deleted
-- leaves a gap. How many there were is kept with what each verification found, for the last ones leave none.

alter table audit.checkpoint
  add column number integer,
  add column previous_size bigint;

-- All villages' rows, whatever the scope; the foreign key looks at them too.
alter table audit.checkpoint no force row level security;
update audit.checkpoint c
   set number = r.number, previous_size = r.previous_size
  from (select village, size, row_number() over w as number, lag(size) over w as previous_size
          from audit.checkpoint
        window w as (partition by village order by size)) r
 where c.village = r.village and c.size = r.size;

alter table audit.checkpoint
  alter column number set not null,
  add constraint checkpoint_number_key unique (village, number),
  add constraint checkpoint_previous check (
    (number = 1) = (previous_size is null) and number >= 1 and (previous_size is null or previous_size < size)),
  add constraint checkpoint_previous_fkey foreign key (village, previous_size) references audit.checkpoint;
alter table audit.checkpoint force row level security;
comment on column audit.checkpoint.number is 'One more than that of the checkpoint before, from 1 in each book.';
comment on column audit.checkpoint.previous_size is 'Size of the checkpoint before. Null for the first.';

alter table audit.verification
  add column checkpoints integer not null default 0,
  add constraint verification_checkpoints check (checkpoints >= 0);
comment on column audit.verification.checkpoints is 'How many checkpoints there were.';
