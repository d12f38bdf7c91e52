//! Messages against a small server of our own, and against the limits of the real ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Service, mattermost, slack, teams};
use crate::notify::{
    Delivery, Facts, Outcome,
    template::Rendered,
    tests::{failure, notification, receiver, web_server::WebServer},
};

fn message(service: Service, subject: &str, text: &str) -> Value {
    let facts = Facts::read(&notification().context);
    let words = Rendered { subject: subject.to_owned(), text: text.to_owned(), html: String::new(), problem: None };
    match service {
        Service::Slack => slack::message(&facts, &words),
        Service::Teams => teams::message(&facts, &words),
        Service::Mattermost => mattermost::message(&facts, &words, None),
    }
}

#[tokio::test]
async fn each_chat_gets_its_own_message() {
    let server = WebServer::start().await;
    for service in ["slack", "teams", "mattermost"] {
        let receiver = receiver(&format!(
            "name = \"chat\"\n[chat]\nservice = \"{service}\"\nurl = \"http://{}/hook/s3cret\"\n",
            server.address
        ));
        let outcome = receiver.send(&notification(), None).await;
        assert_eq!(outcome, Outcome::Sent(Delivery::default()), "{service}");
        let request = server.last();
        assert_eq!(request.path, "/hook/s3cret");
        let message = request.json();
        match service {
            "slack" => {
                let blocks = &message["blocks"];
                assert_eq!(message["text"], "Alert (critical): pump-errors: node=Pumpe-7 &lt;b&gt;");
                assert_eq!(blocks[0]["text"]["text"], "Alert (critical): pump-errors: node=Pumpe-7 <b>");
                let text = blocks[1]["text"]["text"].as_str().expect("text");
                assert!(text.starts_with("```pump-errors: node=Pumpe-7 &lt;b&gt;\n7 events since"), "{text}");
                assert!(text.ends_with("```"), "{text}");
                assert_eq!(
                    blocks[2]["text"]["text"],
                    "<http://collector:8001/#alerts?rule=pump-errors&amp;x=1|See and acknowledge>"
                );
            }
            "teams" => {
                let card = &message["attachments"][0]["content"];
                assert_eq!(message["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
                assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
                let run = |line: usize| &card["body"][line]["inlines"][0];
                assert_eq!(run(0)["color"], "Attention");
                assert_eq!(run(0)["text"], "Alert (critical): pump-errors: node=Pumpe-7 <b>");
                assert_eq!(run(1)["text"], "pump-errors: node=Pumpe-7 <b>");
                assert_eq!(run(3)["text"], "team=automation");
                assert_eq!(card["actions"][0]["url"], "http://collector:8001/#alerts?rule=pump-errors&x=1");
            }
            _ => {
                let text = message["text"].as_str().expect("text");
                assert!(
                    text.starts_with(
                        "#### Alert \\(critical\\):\u{200b} pump-errors:\u{200b} node=Pumpe-7 \\<b\\>\n```text\n"
                    ),
                    "{text}"
                );
                assert!(
                    text.ends_with("```\n[See and acknowledge](<http://collector:8001/#alerts?rule=pump-errors&x=1>)"),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_keeps_the_address_secret() {
    let server = WebServer::start().await;
    let chat = |service: &str| {
        receiver(&format!(
            "name = \"c\"\n[chat]\nservice = \"{service}\"\nurl = \"http://{}/s3cret\"\n",
            server.address
        ))
    };
    server.answers(404, &[], "no_service");
    let failed = failure(chat("slack").send(&notification(), None).await);
    assert!(failed.is_permanent && failed.needs_mending, "{failed:?}");
    assert_eq!(
        failed.reason,
        format!("http://{}/*** answered 404 Not Found: no_service; check the receiver's url", server.address)
    );
    server.answers(
        200,
        &[],
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x",
    );
    let failed = failure(chat("teams").send(&notification(), None).await);
    assert!(!failed.is_permanent && failed.reason.contains("429"), "{failed:?}");
    server.answers(202, &[], "");
    assert!(matches!(chat("teams").send(&notification(), None).await, Outcome::Sent(_)));
    let nobody = receiver("name = \"c\"\n[chat]\nservice = \"slack\"\nurl = \"http://127.0.0.1:1/s3cret\"\n");
    let failed = failure(nobody.send(&notification(), None).await);
    assert!(!failed.is_permanent && !failed.may_have_arrived && !failed.reason.contains("s3cret"), "{failed:?}");
}

#[test]
fn nobody_is_rung_by_an_event() {
    let evil = "@all @channel <!channel> <@U1> ``` @here [x](http://evil) **bold**\n# heading";
    let text = message(Service::Slack, evil, evil).to_string();
    assert!(!text.contains("<!channel>\"") && text.contains("&lt;!channel&gt;"), "{text}");
    let section = message(Service::Slack, "s", evil)["blocks"][1]["text"]["text"].as_str().expect("text").to_owned();
    assert_eq!(section.matches("```").count(), 2, "{section}");
    let text = message(Service::Mattermost, evil, evil)["text"].as_str().expect("text").to_owned();
    assert!(!text.lines().next().expect("a heading").contains("@all"), "{text}");
    assert_eq!(text.matches("```").count(), 2, "{text}");
    let card = message(Service::Teams, evil, evil).to_string();
    assert!(!card.contains("TextBlock\",\"text"), "only rich blocks know no Markdown: {card}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the text, a message keeps the limits of its chat.
    #[test]
    fn messages_fit(piece in "[a-z<&>`*@🚨\\n\\\\\"\\u{1}é]{1,12}", count in 1_usize..6000) {
        let text = piece.repeat(count);
        let subject = text.replace('\n', " ");
        let characters = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        let slack = message(Service::Slack, &subject, &text);
        prop_assert!(characters(&slack["blocks"][0]["text"]["text"]) <= 150);
        prop_assert!(characters(&slack["blocks"][1]["text"]["text"]) <= 3000);
        prop_assert!(message(Service::Teams, &subject, &text).to_string().len() <= 28_000);
        prop_assert!(characters(&message(Service::Mattermost, &subject, &text)["text"]) <= 16_383);
    }
}
