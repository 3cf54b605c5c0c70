-- A redemption comes back in as many returns as it takes: one of them is open at a time.

drop index store.return_standing_key;
create unique index return_open_key on store.return (village, redemption_id) where state = 'proposed';
create index return_redemption on store.return (village, redemption_id, id);
