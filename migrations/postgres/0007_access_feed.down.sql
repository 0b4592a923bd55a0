drop table access_changes;
drop table access_clock;
