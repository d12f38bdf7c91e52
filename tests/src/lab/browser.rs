//! A headless Chromium, driven as a person would: it clicks, types and looks.

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::{CmdError, ErrorStatus},
    key::Key,
    wd::Capabilities,
};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    port::free_address,
    process::Process,
    wait::{DEADLINE, poll, wait_until},
};

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// What the system asks of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    client: Client,
    /// Where commands go that are Chromium's own.
    session_url: String,
    http: ureq::Agent,
    /// Outlives the client, and ends the browser.
    _driver: Driver,
}

impl Browser {
    pub(super) fn start(folder: &Path) -> Self {
        let driver = Driver::start(folder);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
        arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written as an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(Capabilities::from_iter(capabilities));
        let connected = runtime.block_on(async {
            let client = builder.connect(&driver.url).await.map_err(|error| error.to_string())?;
            let session = client.session_id().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((client, session.unwrap_or_default()))
        });
        let (client, session) =
            connected.unwrap_or_else(|error| panic!("the browser starts: {error}\n{}", driver.process.log()));
        let session_url = format!("{}/session/{session}", driver.url);
        let http = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build().into();
        Self { runtime, client, session_url, http, _driver: driver }
    }

    /// Loads a page.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.wait_for(self.client.goto(url), "open the page");
    }

    /// The address that the page has now.
    #[track_caller]
    pub fn url(&self) -> String {
        self.wait_for(self.client.current_url(), "read the address").to_string()
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.wait_for(self.client.refresh(), "load the page again");
    }

    /// Clicks on the first element that a CSS selector means.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.act_on(css, &async |element: &Element| element.click().await);
    }

    /// Replaces what stands in an input, key by key, and presses Enter.
    #[track_caller]
    pub fn enter(&self, css: &str, text: &str) {
        // As people do it. A field that is cleared from outside tells the page nothing, which may write it anew before the first key.
        let (control, null, backspace) = (Key::Control, Key::Null, Key::Backspace);
        let keys = format!("{control}a{null}{backspace}{text}{}", Key::Enter);
        self.act_on(css, &async |element: &Element| element.send_keys(&keys).await);
    }

    /// Chooses an option of a select by its value.
    #[track_caller]
    pub fn choose(&self, css: &str, value: &str) {
        self.act_on(css, &async |element: &Element| element.select_by_value(value).await);
    }

    /// What a script answers, which has `arguments`.
    #[track_caller]
    pub fn ask(&self, script: &str, arguments: &[Value]) -> Value {
        self.wait_for(self.client.execute(script, arguments.to_vec()), script)
    }

    /// The text of every element that a CSS selector means.
    #[track_caller]
    pub fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText)";
        let texts = self.ask(script, &[css.into()]);
        texts.as_array().into_iter().flatten().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// An attribute of every element that a CSS selector means.
    #[track_caller]
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]))";
        let values = self.ask(script, &[css.into(), name.into()]);
        values.as_array().into_iter().flatten().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Sets what the system asks of pages.
    pub fn set_theme(&self, theme: Theme) {
        let value = if theme == Theme::Dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.chromium("goog/cdp/execute", &command);
    }

    /// Saves what the page looks like.
    pub fn save_screenshot(&self, file: &Path) {
        let picture = self.chromium("goog/cdp/execute", &json!({"cmd": "Page.captureScreenshot", "params": {}}));
        let picture =
            BASE64_STANDARD.decode(picture["data"].as_str().unwrap_or_default()).expect("a picture is base64");
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(file, picture).expect("a picture can be saved");
    }

    /// The errors on the console since the last call.
    pub fn console_errors(&self) -> Vec<String> {
        let entries = self.chromium("se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let is_error = |entry: &&Value| entry["level"] == "SEVERE";
        entries.iter().filter(is_error).map(|entry| entry["message"].to_string()).collect()
    }

    #[track_caller]
    fn act_on(&self, css: &str, act: &impl AsyncFn(&Element) -> Result<(), CmdError>) {
        let mut last = None;
        let acted = poll(DEADLINE, || {
            let attempt = async { act(&self.client.find(Locator::Css(css)).await?).await };
            match self.runtime.block_on(attempt) {
                Ok(()) => Some(()),
                // It is not there yet, or is drawn anew, or moves, just now: people look and try once more.
                Err(error) if is_passing(&error) => {
                    last = Some(error);
                    None
                }
                Err(error) => panic!("{css}: {error}"),
            }
        });
        acted.unwrap_or_else(|| panic!("waited in vain for {css}: {last:?}"));
    }

    #[track_caller]
    fn wait_for<T>(&self, command: impl Future<Output = Result<T, CmdError>>, what: &str) -> T {
        self.runtime.block_on(command).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// A command that only Chromium knows.
    fn chromium(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/{path}", self.session_url);
        let request = self.http.post(&url).header("content-type", "application/json");
        let answer = request
            .send(body.to_string())
            .and_then(|mut answer| answer.body_mut().with_config().limit(64 << 20).read_to_string());
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str::<Value>(&answer).expect("the driver answers JSON")["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that crashed cannot be closed; the driver's group is killed next.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

fn is_passing(error: &CmdError) -> bool {
    error.is_no_such_element()
        || error.is_stale_element_reference()
        || matches!(error, CmdError::Standard(refusal) if refusal.error == ErrorStatus::ElementClickIntercepted)
        || error.is_element_not_interactable()
}

/// The program between us and the browser. It leads a process group, with which the browser is sure to end.
#[derive(Debug)]
struct Driver {
    url: String,
    process: Process,
}

impl Driver {
    fn start(folder: &Path) -> Self {
        // A port that it chooses by itself may be free for one version of IP only, and then it ends.
        let port = free_address().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).process_group(0);
        let mut process = Process::start("chromedriver", command, folder);
        wait_until("chromedriver listens", || {
            assert!(process.ended().is_none(), "chromedriver ended: {}", process.log());
            process.output().contains("started successfully on port").then_some(())
        });
        Self { url: format!("http://127.0.0.1:{port}"), process }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id()).ok();
        if let Some(group) = id.and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
