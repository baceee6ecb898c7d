-- Whether more than a stolen password stood behind a sign-in. Earlier ones do not say: they make nothing familiar.
ALTER TABLE "sign_in_history" ADD COLUMN "vouched" BOOLEAN NOT NULL DEFAULT false;
