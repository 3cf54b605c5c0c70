-- The same file of the same household is one photo while it stands: a second upload of it, at the same moment even, is
-- answered the first. A photo that was removed may come again.
create unique index photo_standing_key on photos.photo (village, household_id, sha256) where removed_at is null;
