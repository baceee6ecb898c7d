-- Browsers are forgotten without taking from a session the browser it was begun in.
ALTER TABLE "sign_in_history" ADD COLUMN "forgotten" BOOLEAN NOT NULL DEFAULT false;

-- A change that forgets reads what is its person's, and not everybody's.
CREATE INDEX "known_browser_account_id_idx" ON "known_browser" ("account_id");
CREATE INDEX "auth_transaction_account_id_idx" ON "auth_transaction" ("account_id");
