drop table audit_details;
drop table audit_events;
drop function keep_audit_events();
