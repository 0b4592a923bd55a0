//! People who register and change things, and a list of what was acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::server::Server;

pub const PASSWORD: &str = "correct horse battery staple";

/// Clones share the list.
#[derive(Clone, Default)]
pub struct People {
    /// Address and name of each, in the order in which both were acknowledged.
    joined: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl People {
    /// Registers one person after the other and gives each a name, until it is told to stop.
    pub fn join_from(&self, port: u16, writer: usize) -> JoinHandle<()> {
        let people = self.clone();
        tokio::spawn(async move {
            for number in 0.. {
                if people.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let person = format!("person-{writer}-{number}@example.com Person-{number}");
                join(port, &person).await;
                people.joined.lock().unwrap().push(person);
            }
        })
    }

    pub fn acknowledged(&self) -> Vec<String> {
        self.joined.lock().unwrap().clone()
    }

    pub async fn wait_for(&self, count: usize) {
        for _ in 0..3000 {
            if self.joined.lock().unwrap().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} joined", self.joined.lock().unwrap().len());
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

async fn join(port: u16, person: &str) {
    let (email, name) = person.split_once(' ').unwrap();
    let url = |path: &str| format!("http://127.0.0.1:{port}/api/v1/{path}");
    let who = json!({"email": email, "password": PASSWORD});
    answer(Client::new().post(url("auth/register")).json(&who), StatusCode::CREATED).await;
    let tokens = answer(Client::new().post(url("auth/login")).json(&who), StatusCode::OK).await;
    let token = tokens["access_token"].as_str().unwrap();
    let change = Client::new().patch(url("users/me")).bearer_auth(token);
    let change = change.header("content-type", "application/merge-patch+json");
    answer(change.body(json!({"display_name": name}).to_string()), StatusCode::OK).await;
}

async fn answer(request: RequestBuilder, expected: StatusCode) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert_eq!(status, expected, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The status of a sign-in of somebody who joined.
pub async fn sign_in(server: &Server, person: &str) -> u16 {
    server.login(person.split(' ').next().unwrap(), PASSWORD).await.0
}
