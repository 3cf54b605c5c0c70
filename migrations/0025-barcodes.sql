-- Barcodes of 8, 12 and 14 digits beside those of 13. With its zeros before it, one of 12 is one of 13.
alter table store.goods drop constraint goods_barcode_check;
alter table store.goods add constraint goods_barcode_check check (barcode ~ '^([0-9]{8}|[0-9]{12,14})$');
alter table store.goods drop constraint goods_barcode_key;
create unique index goods_barcode_key on store.goods (village, lpad(barcode, 14, '0'));
