//! A schema as either database describes it, in one form.

use std::collections::{BTreeMap, BTreeSet};

use stead::db::Driver;

use crate::database::Connected;

/// Tables by name, without the one that migrations keep for themselves.
pub type Schema = BTreeMap<String, Table>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub columns: BTreeMap<String, Column>,
    pub primary_key: Vec<String>,
    /// Columns, the table and the columns they point at, and what a deletion there does here.
    pub references: BTreeSet<String>,
    /// The columns of each nameless unique rule.
    pub unique: BTreeSet<Vec<String>>,
    pub indexes: BTreeMap<String, Index>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub kind: String,
    pub nullable: bool,
    pub has_default: bool,
    /// PostgreSQL's name of it, or "".
    pub collation: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub columns: Vec<String>,
    pub unique: bool,
    /// The condition of a partial index, or "".
    pub condition: String,
}

pub async fn read(database: &mut Connected) -> Schema {
    let queries = match database.driver() {
        Driver::Sqlite => &SQLITE,
        Driver::Postgres => &POSTGRES,
    };
    let mut schema = Schema::new();
    for row in database.rows(queries.columns).await {
        let [table, name, kind, nullable, has_default, collation, key] = row.try_into().unwrap();
        let table = schema.entry(table).or_default();
        let column = Column {
            kind: kind.to_lowercase(),
            nullable: nullable == "1",
            has_default: has_default == "1",
            collation,
        };
        table.columns.insert(name.clone(), column);
        if key != "0" {
            table.primary_key.push(name);
        }
    }
    for row in database.rows(queries.indexes).await {
        let [table, name, unique, is_named, columns, condition] = row.try_into().unwrap();
        let columns: Vec<_> = columns.split(',').map(str::to_owned).collect();
        let table = schema.get_mut(&table).unwrap();
        if is_named == "1" {
            // PostgreSQL puts each comparison into parentheses.
            let condition = condition.replace(['(', ')'], "").to_lowercase();
            table.indexes.insert(name, Index { columns, unique: unique == "1", condition });
        } else {
            table.unique.insert(columns);
        }
    }
    for row in database.rows(queries.references).await {
        let [table, columns, other, others, on_delete] = row.try_into().unwrap();
        let reference = format!("({columns}) -> {other} ({others}) on delete {}", on_delete.to_lowercase());
        schema.get_mut(&table).unwrap().references.insert(reference);
    }
    schema
}

struct Queries {
    /// Table, column, type, nullable, default, collation, place in the primary key; in that order.
    columns: &'static str,
    /// Table, index, unique, made by `create index`, columns, condition; primary keys left out.
    indexes: &'static str,
    /// Table, columns, other table, its columns, action on delete.
    references: &'static str,
}

const SQLITE: Queries = Queries {
    columns: "
        SELECT t.name, c.name, c.type, CAST(c.\"notnull\" = 0 AS text), CAST(c.dflt_value IS NOT NULL AS text),
               '', CAST(c.pk AS text)
          FROM sqlite_master AS t, pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND t.name <> 'schema_migrations' AND t.name NOT LIKE 'sqlite_%'
         ORDER BY t.name, c.pk, c.cid",
    indexes: "
        SELECT t.name, i.name, CAST(i.\"unique\" AS text), CAST(i.origin = 'c' AS text),
               (SELECT group_concat(c.name, ',') FROM pragma_index_info(i.name) AS c),
               CASE WHEN i.partial THEN substr(m.sql, instr(lower(m.sql), ' where ') + 7) ELSE '' END
          FROM sqlite_master AS t, pragma_index_list(t.name) AS i
          JOIN sqlite_master AS m ON m.type = 'index' AND m.name = i.name
         WHERE t.type = 'table' AND i.origin <> 'pk' AND t.name <> 'schema_migrations'",
    references: "
        SELECT t.name, group_concat(f.\"from\", ','), f.\"table\", group_concat(f.\"to\", ','), f.on_delete
          FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS f
         WHERE t.type = 'table'
         GROUP BY t.name, f.id",
};

const POSTGRES: Queries = Queries {
    columns: "
        SELECT c.table_name::text, c.column_name::text, c.data_type::text,
               CASE c.is_nullable WHEN 'YES' THEN '1' ELSE '0' END,
               CASE WHEN c.column_default IS NULL THEN '0' ELSE '1' END,
               coalesce(c.collation_name::text, ''), coalesce(k.ordinal_position, 0)::text
          FROM information_schema.columns AS c
          LEFT JOIN information_schema.table_constraints AS p
            ON p.table_schema = c.table_schema AND p.table_name = c.table_name
           AND p.constraint_type = 'PRIMARY KEY'
          LEFT JOIN information_schema.key_column_usage AS k
            ON k.constraint_schema = p.constraint_schema AND k.constraint_name = p.constraint_name
           AND k.table_name = c.table_name AND k.column_name = c.column_name
         WHERE c.table_schema = 'public' AND c.table_name <> 'schema_migrations'
         ORDER BY c.table_name, k.ordinal_position, c.ordinal_position",
    indexes: "
        SELECT t.relname::text, i.relname::text, x.indisunique::int::text, (k.oid IS NULL)::int::text,
               (SELECT string_agg(a.attname, ',' ORDER BY n.at)
                  FROM unnest(x.indkey::int[]) WITH ORDINALITY AS n (attnum, at)
                  JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = n.attnum),
               coalesce(pg_get_expr(x.indpred, x.indrelid), '')
          FROM pg_index AS x
          JOIN pg_class AS i ON i.oid = x.indexrelid
          JOIN pg_class AS t ON t.oid = x.indrelid
          LEFT JOIN pg_constraint AS k ON k.conindid = x.indexrelid AND k.contype IN ('u', 'p', 'x')
         WHERE t.relnamespace = 'public'::regnamespace AND NOT x.indisprimary
           AND t.relname <> 'schema_migrations'",
    references: "
        SELECT k.conrelid::regclass::text,
               (SELECT string_agg(a.attname, ',' ORDER BY n.at) FROM unnest(k.conkey) WITH ORDINALITY AS n (num, at)
                  JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.num),
               k.confrelid::regclass::text,
               (SELECT string_agg(a.attname, ',' ORDER BY n.at) FROM unnest(k.confkey) WITH ORDINALITY AS n (num, at)
                  JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = n.num),
               CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default'
                                  WHEN 'r' THEN 'restrict' ELSE 'no action' END
          FROM pg_constraint AS k WHERE k.contype = 'f'",
};
