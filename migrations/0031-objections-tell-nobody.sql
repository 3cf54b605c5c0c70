-- Whoever lodges an objection is told of those they lodged themselves, and of nobody else's: a clerk who tried one household
-- after the other was told `already-exists` just for the one that had objected.

drop index publicity.objection_open_key;
create unique index objection_open_key on publicity.objection (village, award_id, objector_id, lodged_by) where state = 'open';
create index objection_objector on publicity.objection (village, objector_id) where state = 'open';
