-- expand: what a request made is known by its tag when the request comes again
alter table idempotency_keys add column etag text not null default '';
