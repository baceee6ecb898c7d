-- A code or refresh token is written, and changed once when it is used. With room on its page the change needs no new
-- entry in any of the six indexes.
ALTER TABLE "artifact" SET (fillfactor = 70);
