//! One template in minijinja: compiled once, run within bounds.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, LazyLock},
};

use labtrail_shared::telemetry::with_causes;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, value::Serde};

use super::{TemplateError, filters, sample};

/// A step each, and 64 bytes of memory each: about 13 MB and a few milliseconds. The defaults take 15,000 for 40 alerts
/// of five events.
const FUEL: u64 = 200_000;
/// As much as a mail can hold that people still read.
const OUTPUT_BYTES_MAX: usize = 512 << 10;
/// What a template may name. The rest is a slip of the pen, and would silently be nothing.
const VARIABLES: [&str; 16] = [
    "severity",
    "rule",
    "kind",
    "alerts",
    "more",
    "url",
    "at",
    "created_at",
    "is_repeat",
    "key",
    "receiver",
    "zone",
    "title",
    "headline",
    "is_late",
    "undelivered",
];

/// Which part of a notification a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// One line.
    Subject,
    /// Plain text.
    Text,
    /// HTML, in which values are escaped.
    Html,
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    /// The template of whoever has set none.
    pub(super) fn default_template(self) -> &'static CompiledTemplate {
        static DEFAULTS: LazyLock<[CompiledTemplate; 3]> = LazyLock::new(|| {
            let compile = |part, source| CompiledTemplate::compile(part, source).expect("a test compiles the defaults");
            [
                compile(Part::Subject, include_str!("default.subject.jinja")),
                compile(Part::Text, include_str!("default.txt.jinja")),
                compile(Part::Html, include_str!("default.html.jinja")),
            ]
        });
        &DEFAULTS[self as usize]
    }
}

/// A template that can be run.
#[derive(Clone)]
pub(super) struct CompiledTemplate {
    part: Part,
    environment: Arc<Environment<'static>>,
}

impl CompiledTemplate {
    /// Compiles a template, looks for names that mean nothing, and tries it on examples.
    pub(super) fn compile(part: Part, source: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(move |_| match part {
            Part::Html => AutoEscape::Html,
            Part::Subject | Part::Text => AutoEscape::None,
        });
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        filters::add_to(&mut environment);
        environment.add_template_owned(part.name(), source.to_owned()).map_err(|error| explain(part, &error))?;
        let template = Self { part, environment: Arc::new(environment) };
        template.check_names(source)?;
        for context in sample::contexts() {
            if let Err(error) = template.run(&context)
                && is_the_templates_fault(&error)
            {
                return Err(explain(part, &error));
            }
        }
        Ok(template)
    }

    /// What the template makes of a context.
    pub(super) fn render(&self, context: &Value) -> Result<String, TemplateError> {
        self.run(context).map_err(|error| explain(self.part, &error))
    }

    fn run(&self, context: &Value) -> Result<String, Error> {
        let template = self.environment.get_template(self.part.name())?;
        let mut output = Bounded::default();
        let result = template.render_captured_to(context.clone(), &mut output).map(drop);
        if output.is_full {
            let problem = format!("it makes more than {} KiB", OUTPUT_BYTES_MAX >> 10);
            return Err(Error::new(ErrorKind::WriteFailure, problem));
        }
        result?;
        Ok(String::from_utf8_lossy(&output.bytes).into_owned())
    }

    fn check_names(&self, source: &str) -> Result<(), TemplateError> {
        let template = self.environment.get_template(self.part.name()).expect("it was added under this name");
        let is_global = |name: &str| self.environment.globals().any(|(global, _)| global == name);
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !VARIABLES.contains(&name.as_str()) && !is_global(name) && name != "debug");
        unknown.sort();
        let Some(name) = unknown.first() else { return Ok(()) };
        let line = source.lines().position(|line| line.contains(name.as_str())).unwrap_or(0) + 1;
        Err(TemplateError {
            part: self.part.name(),
            line,
            problem: format!("unknown variable `{name}`"),
            remedy: format!("use one of {}", VARIABLES.join(", ")),
        })
    }
}

impl fmt::Debug for CompiledTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CompiledTemplate").field(&self.part).finish()
    }
}

/// A value for templates.
pub(super) fn value(json: serde_json::Value) -> Value {
    Value::from(Serde(json))
}

/// Whether an error shows on an example that could not show less on any other. An example has not every field that
/// events may have, so that all else is left to the real ones.
fn is_the_templates_fault(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::TemplateNotFound
            | ErrorKind::OutOfFuel
            | ErrorKind::WriteFailure
            | ErrorKind::TooManyArguments
            | ErrorKind::MissingArgument
    )
}

fn explain(part: Part, error: &Error) -> TemplateError {
    let remedy = match error.kind() {
        ErrorKind::SyntaxError => "mend the syntax: values stand in {{ }}, statements in {% %}, both as in Jinja2",
        ErrorKind::UnknownFilter => "use a filter of minijinja, or time, elapsed, summary, group, level or cut",
        ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            "use what minijinja has built in"
        }
        ErrorKind::TemplateNotFound => "write the whole template in one text: there is nothing to include",
        ErrorKind::OutOfFuel => "make it do less: it ran for longer than a notification may take",
        ErrorKind::WriteFailure => "list fewer events, or cut them with the filter `cut`",
        ErrorKind::UndefinedError => "guard the field with `{% if %}` or the filter `default`: not every event has it",
        _ => "mend the expression: events differ in their fields and in the types of these",
    };
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    // The causes of an error are other templates of this one, which repeat its words.
    let problem = if problem.is_empty() { with_causes(error) } else { problem };
    TemplateError {
        part: part.name(),
        line: error.line().unwrap_or(1),
        problem: first_characters(&problem.replace('\n', " "), 300),
        remedy: remedy.to_owned(),
    }
}

/// A text, or its first characters and a sign that there were more; never more than `count` characters.
pub(in crate::notify) fn first_characters(text: &str, count: usize) -> String {
    if text.chars().nth(count).is_none() {
        return text.to_owned();
    }
    text.chars().take(count.saturating_sub(1)).chain(['…']).collect()
}

/// Takes so much and then fails.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > OUTPUT_BYTES_MAX {
            self.is_full = true;
            return Err(io::Error::other("the output is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
