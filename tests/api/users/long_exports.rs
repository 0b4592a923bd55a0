//! Exports that are longer than a page: they are read while they are sent.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use serde_json::{Value, json};
use stead::access::audit::{self, Action, EventId, Position};
use stead::access::origin::Origin;
use stead::base::id::UserId;
use stead::db::Driver;
use stead::db::record::{Base, Record};
use stead::features::notes::model::{NoteId, NoteRow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::{App, Client, Person, Stage, behaviour};

const EXPORT: &str = "/api/v1/users/me/export";
const ME: &str = "/api/v1/users/me";
const MINUTE: Duration = Duration::from_secs(60);

fn id(person: &Person) -> UserId {
    person.id.parse().unwrap()
}

/// Writes many notes of so many characters, forty at a time.
async fn write(app: &App, owner: &Person, count: usize, length: usize) -> Vec<NoteId> {
    let mut tx = app.state.db.write().await.unwrap();
    let mut ids = Vec::new();
    for at in 0..count {
        let note = NoteRow {
            base: Base::new(NoteId::fresh(&app.state.clock, &app.state.random), app.state.clock.now()),
            owner_id: id(owner),
            title: format!("Note {at}"),
            body: Some("x".repeat(length)),
        };
        note.insert(&mut tx).await.unwrap();
        ids.push(note.base.id);
        if at % 40 == 39 {
            app.later(Duration::from_secs(1));
            ids[at - 39..].sort();
        }
    }
    tx.commit().await.unwrap();
    let rest = count - count % 40;
    ids[rest..].sort();
    ids
}

/// Many events by somebody, to them, both and neither, three at a time.
async fn happen(app: &App, ada: &Person, eve: &Person, count: usize) {
    let mut tx = app.state.db.write().await.unwrap();
    let (ada, eve) = (Some(id(ada)), Some(id(eve)));
    for at in 0..count {
        let (actor, subject) = [(ada, eve), (eve, ada), (ada, ada), (None, ada), (eve, eve)][at % 5];
        app.state
            .audit
            .record(&mut tx, Action::UserUpdated, actor, subject, &Origin::TERMINAL)
            .await
            .unwrap();
        if at % 3 == 0 {
            app.later(Duration::from_secs(1));
        }
    }
    tx.commit().await.unwrap();
}

/// Twenty thousand events that are nobody else's.
async fn much_happens_to(app: &App, eve: &Person) {
    let mut tx = app.state.db.write().await.unwrap();
    app.state.audit.record_each(&mut tx, Action::UserUpdated, &vec![id(eve); 20_000]).await.unwrap();
    // PostgreSQL gathers this by itself; SQLite goes without.
    if app.state.db.driver() == Driver::Postgres {
        tx.query("ANALYZE").execute().await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

fn as_text(ids: &[NoteId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// An export that has begun, and what of it has come.
struct Begun {
    body: BodyDataStream,
    text: String,
}

impl Begun {
    /// Reads up to where the first notes are.
    async fn begin(client: &Client) -> Self {
        let response = client.get(EXPORT).begin().await;
        assert_eq!(response.status(), 200);
        let mut begun = Self { body: response.into_body().into_data_stream(), text: String::new() };
        while !begun.text.contains("Note 0") {
            assert!(begun.read().await.unwrap(), "{}", begun.text);
        }
        begun
    }

    /// Reads a piece; says whether there was one.
    async fn read(&mut self) -> Result<bool, axum::Error> {
        let Some(piece) = self.body.next().await.transpose()? else { return Ok(false) };
        self.text.push_str(std::str::from_utf8(&piece).unwrap());
        Ok(true)
    }

    async fn rest(mut self) -> Value {
        while self.read().await.unwrap() {}
        serde_json::from_str(&self.text).unwrap()
    }

    /// Claims that it ends in an error, and that what came is no document.
    async fn breaks_off(mut self) {
        while let Ok(more) = self.read().await {
            assert!(more, "it ended well");
        }
        assert!(serde_json::from_str::<Value>(&self.text).is_err(), "half is taken for the whole");
    }
}

behaviour! {
    async fn every_note_and_every_event_is_in_it_once_and_in_order(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        let written = write(&app, &ada, 333, 10).await;
        write(&app, &eve, 5, 10).await;
        happen(&app, &ada, &eve, 777).await;
        let reply = ada.get(EXPORT).await.expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let held = reply.json();
        assert_eq!(ids(&held["notes"]), as_text(&written));
        let mut db = app.state.db.read().await.unwrap();
        let about = "SELECT id FROM audit_events WHERE actor_id = $1 OR subject_id = $1 ORDER BY occurred_at, id";
        let events: Vec<(EventId,)> = db.query(about).bind(id(&ada)).fetch_all().await.unwrap();
        assert!(events.len() > 600);
        assert_eq!(ids(&held["audit_events"]), events.iter().map(|(id,)| id.to_string()).collect::<Vec<_>>());
    }

    async fn a_list_that_ends_with_its_page_is_whole(app: App) {
        for count in [0, 1, 100, 200] {
            let ada = app.user().await;
            let written = write(&app, &ada, count, 10).await;
            assert_eq!(ids(&ada.get(EXPORT).await.expect(200).json()["notes"]), as_text(&written));
        }
    }

    async fn notes_may_come_and_go_while_they_are_read(app: App) {
        let ada = app.user().await;
        let written = write(&app, &ada, 400, 10).await;
        let begun = Begun::begin(&ada).await;
        assert!(!begun.text.contains("Note 200"), "it is read while it is sent");
        app.later(MINUTE);
        for gone in [&written[3], &written[250], &written[399]] {
            let path = format!("/api/v1/notes/{gone}");
            let tag = ada.get(&path).await.expect(200).header("etag").unwrap().to_owned();
            ada.delete(&path).header("if-match", &tag).await.expect(204);
        }
        let new = ada.post("/api/v1/notes", json!({"title": "New"})).await.expect(201).json();
        let found = ids(&begun.rest().await["notes"]);
        let mut expected = as_text(&written);
        expected.retain(|id| *id != written[250].to_string() && *id != written[399].to_string());
        expected.push(new["id"].as_str().unwrap().to_owned());
        assert_eq!(found, expected);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    }

    async fn nobody_waits_for_a_connection_while_somebody_reads_slowly(stage: Stage) {
        let app = stage.with("database.max_connections", 1).start().await;
        let ada = app.user().await;
        let written = write(&app, &ada, 300, 10).await;
        let (first, second) = (Begun::begin(&ada).await, Begun::begin(&ada).await);
        ada.patch(ME, json!({"display_name": "Ada"})).await.expect(200);
        for begun in [first, second] {
            assert_eq!(ids(&begun.rest().await["notes"]), as_text(&written));
        }
    }

    async fn those_who_take_theirs_slowly_keep_out_nobody_but_more_of_the_same(app: App) {
        let ada = app.user().await;
        write(&app, &ada, 300, 10).await;
        let mut slow = Vec::new();
        let refused = loop {
            let response = ada.get(EXPORT).begin().await;
            if response.status() != 200 {
                break response;
            }
            slow.push(response);
            assert!(slow.len() < 64, "one network has all places");
        };
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(app.state.load.under_way(), u32::try_from(slow.len()).unwrap());
        ada.get(ME).await.expect(200);
        drop(slow.pop());
        ada.get(EXPORT).await.expect(200);
    }

    async fn what_fails_on_the_way_breaks_it_off(app: App) {
        let ada = app.user().await;
        write(&app, &ada, 300, 10).await;
        let begun = Begun::begin(&ada).await;
        app.state.db.close().await;
        begun.breaks_off().await;
        ada.get(EXPORT).await.refused(503, "database_unavailable");
    }

    async fn whoever_is_signed_out_meanwhile_gets_no_more_of_it(app: App) {
        let ada = app.user().await;
        write(&app, &ada, 300, 10).await;
        let begun = Begun::begin(&ada).await;
        ada.post("/api/v1/auth/logout", json!({})).await.expect(204);
        begun.breaks_off().await;
    }

    async fn it_may_take_longer_than_an_access_token_lives(app: App) {
        let ada = app.user().await;
        let written = write(&app, &ada, 300, 10).await;
        let begun = Begun::begin(&ada).await;
        app.later(60 * MINUTE);
        ada.get(ME).await.refused(401, "invalid_token");
        assert_eq!(ids(&begun.rest().await["notes"]), as_text(&written));
    }

    async fn a_connection_on_which_it_breaks_off_is_cut(app: App) {
        let ada = app.user().await;
        // More than the machine keeps on the way between two sockets.
        write(&app, &ada, 3000, 10_000).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut connection = socket.connect(app.listen().await).await.unwrap();
        let request = format!("GET {EXPORT} HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer {}\r\n\r\n", ada.access_token);
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut got = vec![0; 20_000];
        connection.read_exact(&mut got).await.unwrap();
        assert!(got.starts_with(b"HTTP/1.1 200 OK"));
        app.state.db.close().await;
        // The end of the connection, or its reset.
        _ = connection.read_to_end(&mut got).await;
        assert!(got.len() < 30_000_000 && !got.ends_with(b"\r\n0\r\n\r\n"), "{} bytes, and a good end", got.len());
    }

    async fn its_pages_are_walks_along_indexes_that_begin_where_the_page_does(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        write(&app, &ada, 500, 1).await;
        happen(&app, &ada, &eve, 500).await;
        much_happens_to(&app, &eve).await;
        let mut db = app.state.db.read().await.unwrap();
        let events = audit::about(&mut db, id(&ada), None, 150).fetch_all().await.unwrap();
        let far = events.last().map(Position::of);
        let events = audit::about(&mut db, id(&ada), far, 100).explain().await.unwrap();
        for index in ["audit_events_actor", "audit_events_subject"] {
            assert!(begins_with_the_page(&events, index), "{index}: {events:#?}");
        }
        // As `notes::store::list` asks for them.
        let notes = "SELECT id, created_at, updated_at, version, owner_id, title, body FROM notes
            WHERE owner_id = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4";
        let query = db.query(notes).bind(id(&ada)).bind(app.state.clock.now()).bind(id(&ada)).bind(100i64);
        let notes = query.explain().await.unwrap();
        assert!(begins_with_the_page(&notes, "notes_created_at"), "{notes:#?}");
        assert!(!notes.iter().any(|step| step.contains("B-TREE") || step.contains("Sort")), "{notes:#?}");
    }
}

/// Whether a step walks the index from the place after which the page begins.
fn begins_with_the_page(steps: &[String], index: &str) -> bool {
    // PostgreSQL says in the line below where on the index it begins.
    let at = steps.iter().position(|step| step.contains(index));
    let condition = at.map(|at| &steps[at + usize::from(!steps[at].starts_with("SEARCH"))]);
    let is_long = |step: &String| {
        step.starts_with("SCAN audit_events")
            || step.contains("Seq Scan on audit_events")
            || step.contains("Seq Scan on notes")
    };
    condition.is_some_and(|condition| condition.contains("_at")) && !steps.iter().any(is_long)
}
