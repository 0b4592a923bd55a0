drop table ways_back;
