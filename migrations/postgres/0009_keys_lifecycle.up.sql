-- expand: keys are published before they sign, and a revoked one stays marked
-- Without a time a key signs from the moment it was made.
alter table keys add column signs_at timestamptz;
alter table keys add column revoked_at timestamptz;
