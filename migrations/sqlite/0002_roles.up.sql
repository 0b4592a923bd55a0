-- expand: named sets of permissions
create table roles (
    name text not null primary key,
    description text not null,
    built_in boolean not null
);

create table role_permissions (
    role text not null references roles (name) on delete cascade,
    permission text not null,
    primary key (role, permission)
);

create table user_roles (
    user_id blob not null references users (id) on delete cascade,
    role text not null references roles (name),
    primary key (user_id, role)
);

create index user_roles_role on user_roles (role, user_id);

-- `admin` holds every permission there is; the program knows them, so no rows list them.
insert into roles (name, description, built_in) values
    ('admin', 'Holds every permission', true),
    ('user', 'Holds no permission beyond the own account', true);
