//! What is the same for all routes: which there are, with which methods, for pages of other origins; and the routes about
//! the server itself.

use labtrail_tests::lab::Answer;

use super::{
    answers::{answered, refused},
    case::{event, get, post, post_as, query, report, send},
    pair::Pair,
};

pub(super) fn scene(pair: &Pair) {
    pair.accepted("report-on-nothing", report("/utilization/sessions"), answered);
    pair.accepted("report-on-nothing", report("/utilization/user"), answered);
    pair.accepted("report-on-nothing", report("/utilization/sessions?csv_format=true"), |ours| {
        answered(ours)?;
        if ours.text.starts_with("=== ") { Ok(()) } else { Err("it is no report".to_owned()) }
    });
    health_and_settings(pair);
    routes_and_methods(pair);
    pages_of_other_origins(pair);
    backups(pair);
    pair.accepted("utilization-users", report("/utilization/users"), answered);
}

fn health_and_settings(pair: &Pair) {
    let health = |query: &str| get(format!("/health{query}")).at_least().except(&["/description", "/version"]);
    pair.same(health(""));
    pair.same(event(r#"{"archived": true}"#));
    pair.same(event("{}"));
    pair.same_all(health, ["", "?deep=1"]);
    let ours = pair.ours.get("/health", &[]).json();
    let has_words = ours["description"].is_string() && ours["version"].is_string();
    pair.accepted_if("health", has_words, &format!("there is no description or version in {ours}"));
    pair.same_all(
        // Each has a folder of its own, and its own words.
        |query: &str| get(format!("/settings{query}")).at_least().except(&["*/backup_dir", "*/description"]),
        [
            "",
            "?include_defaults=true",
            "?include_defaults=false",
            "?include_schema=false",
            "?include_schema=true",
            "?include_schema=1&include_defaults=no",
            "?nothing=1",
        ],
    );
    pair.same_all(
        |query: &str| get(format!("/settings{query}")),
        ["?include_defaults=maybe", "?include_schema=", "?include_schema=2&include_defaults=x"],
    );
}

const ROUTES: &[&str] = &[
    "/health",
    "/settings",
    "/event",
    "/event/x",
    "/events",
    "/events/query",
    "/events/archive",
    "/events/archived",
    "/backup",
    "/backup/status",
    "/utilization/sessions",
    "/utilization/periods",
    "/utilization/user",
];

fn routes_and_methods(pair: &Pair) {
    pair.same_all(
        get,
        [
            "/definition",
            "/nothing",
            "/api",
            "/event/x/y",
            "/event/",
            "/Health",
            "/EVENTS",
            "/health/x",
            "/events/x",
            "/events/query/x",
            "/utilization",
            "/utilization/nothing",
            "/backup/x",
            "/state",
            "/info",
            "/logs",
            "/events/archived/x",
        ],
    );
    // With a slash at the end, and with a question behind it.
    for route in ROUTES {
        pair.same(get(format!("{route}/")));
        pair.same(get(format!("{route}/?number=1&level=info")));
        pair.same(post(format!("{route}/"), "{}"));
    }
    for method in ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
        // Two routes have answers of their own for DELETE and GET; those are cases elsewhere.
        for route in ROUTES.iter().filter(|route| (method, **route) != ("DELETE", "/events/archived")) {
            pair.same(send(method, *route, ""));
        }
        pair.same(send(method, "/nothing", ""));
    }
    for route in ["/event", "/events/query", "/events/archive"] {
        pair.same(get(route));
    }
    for route in
        ["/health", "/settings", "/event/x", "/events", "/events/archived", "/backup/status", "/utilization/user"]
    {
        pair.same(post(route, "{}"));
    }
    for own in ["/", "/metrics", "/api/v1/events"] {
        pair.accepted("own-routes", get(own), |ours| match ours.status {
            200 => Ok(()),
            status => Err(format!("it is answered {status}")),
        });
    }
    let is_page = |answer: &Answer| {
        answer.status == 200 && answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
    };
    let (theirs, ours) = (pair.theirs.get("/docs", &[]), pair.ours.get("/docs", &[]));
    pair.accepted_if("documentation", is_page(&theirs) && is_page(&ours), "/docs is no page");
}

fn pages_of_other_origins(pair: &Pair) {
    let origin = "https://lab.example";
    for case in [
        event(r#"{"log_level": 10}"#),
        event("{"),
        query(r#"{"_id": "nobody"}"#),
        get("/nothing"),
        send("PUT", "/event", ""),
        get("/events?number=x"),
        get("/event/nobody"),
        get("/health/"),
    ] {
        pair.same(case.clone().with("origin", origin));
        pair.same(case.with("origin", "null"));
    }
    for route in ["/health", "/event", "/event/x", "/events/archived", "/nothing"] {
        for method in ["GET", "POST", "DELETE", "PUT", "NONSENSE"] {
            let preflight =
                send("OPTIONS", route, "").with("origin", origin).with("access-control-request-method", method);
            pair.same(preflight.clone());
            pair.same(preflight.with("access-control-request-headers", "content-type, x-request-id"));
        }
    }
    pair.same(send("OPTIONS", "/event", "").with("origin", origin));
    pair.same(send("OPTIONS", "/event", "").with("access-control-request-method", "POST"));
    pair.same(get("/event/nobody").with("x-request-id", "one of ours").with("accept", "text/html"));
    pair.same(
        get("/event/nobody").with("accept-encoding", "gzip").with("cookie", "a=b").with("authorization", "Basic eDp5"),
    );
}

fn backups(pair: &Pair) {
    pair.same(get("/backup/status").except(&["/backup_dir"]));
    pair.accepted("get-backup", get("/backup"), |ours| {
        let status = pair.ours.get("/backup/status", &[]);
        if (ours.status, &ours.text) == (200, &status.text) {
            Ok(())
        } else {
            Err("it is not /backup/status".to_owned())
        }
    });
    for body in ["", "{}", r#"{"description": "before the move"}"#, r#"{"description": null}"#, r#"{"nothing": 1}"#] {
        let case = if body.is_empty() { send("POST", "/backup", "") } else { post("/backup", body) };
        pair.accepted("backup-without-mongodump", case, |ours| {
            let answer = ours.json();
            let is_done = ours.status == 200 && answer["status"] == "completed" && answer["backup_path"].is_string();
            if is_done { Ok(()) } else { Err("there is no backup".to_owned()) }
        });
    }
    let status = pair.ours.get("/backup/status", &[]);
    let backups = if status.status == 200 { status.json()["available_backups"].as_array().cloned() } else { None };
    let are_listed = backups.is_some_and(|all| {
        all.len() == 5
            && all.iter().all(|backup| {
                backup["is_valid"] == true
                    && backup["size_bytes"].as_u64() > Some(0)
                    && backup["path"].is_string()
                    && backup["created_at"].is_string()
            })
    });
    pair.accepted_if("backup-without-mongodump", are_listed, &format!("the backups are not listed in {}", status.text));
    pair.same_all(
        |body: &str| post("/backup", body),
        [r#"{"description": 1}"#, r#"{"description": []}"#, "[]", "1", "\"text\"", "{", r#"{"description": true}"#],
    );
    pair.same(post_as("text/plain", "/backup", "{}"));
    let outside = post("/backup", r#"{"description": "../../outside"}"#);
    pair.accepted("backup-stays-inside", outside, |ours| {
        let path = if ours.status == 200 { ours.json()["backup_path"].to_string() } else { return refused(ours) };
        if path.contains("..") { Err(format!("it is written to {path}")) } else { Ok(()) }
    });
}
