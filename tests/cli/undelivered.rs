//! Mail that does not leave.

use reqwest::Client;
use serde_json::json;

use crate::program::Folder;
use crate::server::{Server, free_port};

#[tokio::test]
async fn a_mail_that_cannot_be_sent_yet_is_a_warning() {
    let folder = Folder::new().with("APP_MAIL__URL", format!("smtp://127.0.0.1:{}", free_port()));
    let folder = folder.with("APP_LOG__FORMAT", "json");
    let server = Server::start(&folder);
    let url = format!("http://127.0.0.1:{}/api/v1/auth/register", server.port);
    let body = json!({"email": "ada@example.com", "password": "correct horse battery staple"});
    assert_eq!(Client::new().post(url).json(&body).send().await.unwrap().status(), 201);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let line = loop {
        let log = server.log();
        if let Some(line) = log.lines().find(|line| line.contains("a mail could not be sent yet")) {
            break serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        assert!(std::time::Instant::now() < deadline, "{log}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(line["level"], "WARN", "{line}");
    server.stop();
}
