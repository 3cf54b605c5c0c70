-- How many pieces of some goods one household may have in a day, a month or a year. What it has had stands in the book.
alter table store.goods
  add column limit_quantity integer check (limit_quantity between 1 and 1000),
  add column limit_per text collate "C" check (limit_per in ('day', 'month', 'year')),
  add constraint goods_limit check ((limit_quantity is null) = (limit_per is null));
grant update (limit_quantity, limit_per) on store.goods to jifen_app;
