-- What a kiosk says of itself from time to time, and how the village wants it to be.

alter table kiosks.kiosk
  add column settings jsonb not null
    default '{"elderMode": true, "languages": ["zh-CN", "en"], "speech": true, "receiptColumns": 32}',
  add column heartbeat jsonb,
  add column heartbeat_at timestamptz(3),
  add constraint kiosk_heartbeat check ((heartbeat is null) = (heartbeat_at is null));
comment on column kiosks.kiosk.settings is 'How the village wants the kiosk to be; the device fetches it with its configuration.';
comment on column kiosks.kiosk.heartbeat is
  'The last the device said of itself: queue, clock, printer, storage. It may say what it likes; nothing is decided by it.';
grant update (settings, heartbeat, heartbeat_at, app_version) on kiosks.kiosk to jifen_app;
