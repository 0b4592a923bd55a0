drop table throttles;
drop table sessions;
