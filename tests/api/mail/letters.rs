//! What arrives: text and HTML, in the language of the reader, with a link that works.

use serde_json::json;

use super::server::{Manner, SmtpServer};
use super::{by_hand, outbox, register, round, row, tally};
use crate::harness::{App, PASSWORD, Stage, behaviour};

const REGISTER: &str = "/api/v1/auth/register";
const VERIFY: &str = "/api/v1/auth/email/verify";

behaviour! {
    async fn a_letter_arrives_as_text_and_as_html_and_its_link_works(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let stage = stage.with("server.public_url", "https://api.example.com");
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        assert_eq!(round(&app).await, tally(1, 0, 0));

        let letter = server.accepted().remove(0);
        assert_eq!((letter.from.as_str(), letter.to.as_str()), ("no-reply@api.example.com", "ada@example.com"));
        let mail = letter.parsed();
        assert_eq!(mail.subject(), Some("Confirm your e-mail address for Stead"));
        assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Stead"));
        assert_eq!(mail.date().unwrap().to_rfc3339(), "2030-01-01T08:00:00Z");
        let (text, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
        let link = text.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
        assert!(link.starts_with("https://api.example.com/verify-email#token="), "{link}");
        assert_eq!(html.matches(link).count(), 2, "a button and the link as text: {html}");
        assert!(!html.contains("<img") && !html.contains("<link") && !html.contains("<script"), "{html}");

        let token = link.split_once("#token=").unwrap().1;
        app.anonymous().post(VERIFY, json!({"token": token, "password": PASSWORD})).await.expect(204);
    }

    async fn a_chinese_reader_gets_a_chinese_letter(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage, &server.url()).await;
        let new = json!({"email": "li@example.com", "password": PASSWORD, "locale": "zh"});
        app.anonymous().post(REGISTER, new).await.expect(201);
        round(&app).await;
        let letter = server.accepted().remove(0);
        assert!(letter.content.is_ascii(), "it passes every mail server");
        let mail = letter.parsed();
        assert_eq!(mail.subject(), Some("请确认您在 Stead 的电子邮件地址"));
        assert!(mail.body_text(0).unwrap().contains("链接在 24 小时内有效"));
        assert!(mail.body_html(0).unwrap().contains("确认地址"));
    }

    async fn what_was_sent_is_erased_and_a_week_later_forgotten(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        assert!(row(&app).await.sealed.is_some());
        round(&app).await;
        let sent = row(&app).await;
        assert_eq!((sent.state.as_str(), sent.attempts, sent.reason), ("sent", 1, None));
        assert_eq!((sent.sealed, sent.settled_at), (None, Some(app.state.clock.now())));
        assert_eq!(app.mails_to("ada@example.com").await.len(), 0, "nobody reads it any more");
        assert_eq!(round(&app).await, tally(0, 0, 0), "and it is not sent again");

        app.later(std::time::Duration::from_secs(7 * 24 * 3600 - 1));
        stead::app::sweep_once(&app.state).await.unwrap();
        assert_eq!(outbox(&app).await.len(), 1);
        app.later(std::time::Duration::from_secs(1));
        stead::app::sweep_once(&app.state).await.unwrap();
        assert_eq!(outbox(&app).await.len(), 0);
    }

    async fn the_sender_is_who_the_configuration_says(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage.with("mail.from", "\"Mühle, 石\" <Post@mail.example>"), &server.url()).await;
        register(&app, "ada@example.com").await;
        round(&app).await;
        let letter = server.accepted().remove(0);
        assert_eq!(letter.from, "Post@mail.example");
        let mail = letter.parsed();
        let from = mail.from().unwrap().first().unwrap();
        assert_eq!((from.name(), from.address()), (Some("Mühle, 石"), Some("Post@mail.example")));
        assert!(letter.id().ends_with("@mail.example"), "{}", letter.id());
    }

    async fn a_folder_gets_a_file_for_each_mail(stage: Stage) {
        let folder = tempfile::tempdir().unwrap();
        let app = by_hand(stage, &format!("file:{}", folder.path().join("mail").display())).await;
        for email in ["ada@example.com", "bob@example.com"] {
            register(&app, email).await;
        }
        assert_eq!(round(&app).await, tally(2, 0, 0));
        let files = std::fs::read_dir(folder.path().join("mail")).unwrap().map(|file| file.unwrap().path());
        let files: Vec<_> = files.collect();
        assert!(files.len() == 2 && files.iter().all(|file| file.extension().unwrap() == "eml"), "{files:?}");
        let contents = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>();
        assert!(contents.contains("To: ada@example.com") && contents.contains("To: bob@example.com"));
        assert!(outbox(&app).await.iter().all(|row| row.state == "sent" && row.sealed.is_none()));
    }

    async fn the_mailbox_of_development_keeps_its_mail_and_shows_it_as_html(app: App) {
        assert!(stead::app::courier(&app.state).unwrap().is_none(), "outbox: delivers nothing");
        register(&app, "ada@example.com").await;
        let page = app.anonymous().get("/dev/mail").header("accept", "text/html").await.expect(200);
        let posted = app.mails_to("ada@example.com").await.remove(0);
        let path = format!("/dev/mail/{}", posted["id"].as_str().unwrap());
        assert!(page.text().contains(&format!("href=\"{path}\"")), "{}", page.text());
        assert_eq!(page.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        let shown = app.anonymous().get(&path).await.expect(200);
        assert_eq!(shown.body, posted["html"].as_str().unwrap());
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("; sandbox"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        let nobody = uuid::Uuid::nil();
        app.anonymous().get(&format!("/dev/mail/{nobody}")).await.refused(404, "not_found");
        app.anonymous().get("/dev/mail/x").await.refused(404, "not_found");
    }
}
