-- The browser that is remembered, by its cookie: a change of password forgets the others. Null: remembered before this was kept.
ALTER TABLE "remembered_device" ADD COLUMN "browser_hash" TEXT;
