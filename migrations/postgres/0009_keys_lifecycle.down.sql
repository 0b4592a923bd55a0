-- Without the columns every key that is left is a good one: so those that were revoked go, and those of
-- which nothing can be of use any more. Keys for lookups stay.
delete from keys where revoked_at is not null;
delete from keys where purpose <> 'lookup' and exists (
    select 1 from keys as later
     where later.purpose = keys.purpose and later.ordinal > keys.ordinal
       and coalesce(later.signs_at, later.created_at) < now() - case keys.purpose
            when 'signing' then interval '1 hour'
            when 'cursor' then interval '2 days'
            when 'outbox' then interval '31 days'
            when 'refresh' then interval '91 days'
            else interval '400 days' end);
alter table keys drop column revoked_at;
alter table keys drop column signs_at;
