//! How far each file is while the agent catches up: bars on a terminal, plain lines in a pipe.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    io::IsTerminal,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use labtrail_agent::status::{FileProgress, Progress};
use labtrail_shared::shutdown::Stop;

const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// In a pipe a file that takes long says so this often.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// More bars than this do not fit on a screen; the others are in the total.
const BARS_MAX: usize = 12;

/// Shows the catching up until it is over, then ends; live records are not counted here.
pub(crate) async fn show(progress: Progress, stop: Stop) -> Result<(), Infallible> {
    let began_at = Instant::now();
    let mut display =
        if std::io::stderr().is_terminal() { Display::Bars(Bars::new()) } else { Display::Lines(Lines::default()) };
    let mut finished = HashSet::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = stop.given() => return Ok(()),
        }
        let is_caught_up = progress.is_caught_up();
        let files = progress.files();
        for (path, file) in &files {
            if file.is_caught_up && finished.insert(Arc::clone(path)) {
                display.finish(path, file);
            }
        }
        display.update(&files);
        if is_caught_up {
            let records: u64 = files.iter().map(|(_, file)| file.records).sum();
            let bytes: u64 = files.iter().map(|(_, file)| file.size).sum();
            display.end(&format!(
                "caught up: {} files, {} new records, {} in {}; now following",
                HumanCount(files.len() as u64),
                HumanCount(records),
                HumanBytes(bytes),
                HumanDuration(began_at.elapsed()),
            ));
            return Ok(());
        }
    }
}

enum Display {
    Bars(Bars),
    Lines(Lines),
}

impl Display {
    fn finish(&mut self, path: &Arc<Path>, file: &FileProgress) {
        let line = format!("{}: {} records, {}", path.display(), HumanCount(file.records), HumanBytes(file.size));
        match self {
            Self::Bars(bars) => bars.finish(path, &line),
            Self::Lines(_) => eprintln!("{line}"),
        }
    }

    fn update(&mut self, files: &[(Arc<Path>, FileProgress)]) {
        match self {
            Self::Bars(bars) => bars.update(files),
            Self::Lines(lines) => lines.update(files),
        }
    }

    fn end(&mut self, line: &str) {
        if let Self::Bars(bars) = self {
            bars.clear();
        }
        eprintln!("{line}");
    }
}

struct Bars {
    screen: MultiProgress,
    total: ProgressBar,
    of_files: HashMap<Arc<Path>, ProgressBar>,
    style: ProgressStyle,
}

impl Bars {
    fn new() -> Self {
        let style = |template| ProgressStyle::with_template(template).expect("the template is valid");
        let screen = MultiProgress::new();
        let total = screen.add(ProgressBar::new(0).with_message("all files"));
        total.set_style(style(
            "{bar:30.cyan/blue} {bytes:>10}/{total_bytes:<10} {bytes_per_sec:>12} {eta:>4}  {wide_msg}",
        ));
        Self {
            screen,
            total,
            of_files: HashMap::new(),
            style: style("{bar:30} {bytes:>10}/{total_bytes:<10} {percent:>11} %       {wide_msg}"),
        }
    }

    fn finish(&mut self, path: &Arc<Path>, line: &str) {
        if let Some(bar) = self.of_files.remove(path) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
        // Nobody sees the line if the terminal went away.
        let _ = self.screen.println(line);
    }

    fn update(&mut self, files: &[(Arc<Path>, FileProgress)]) {
        self.total.set_length(files.iter().map(|(_, file)| file.size).sum());
        self.total.set_position(files.iter().map(|(_, file)| file.delivered).sum());
        for (path, file) in files.iter().filter(|(_, file)| !file.is_caught_up) {
            if !self.of_files.contains_key(path) && self.of_files.len() < BARS_MAX {
                let bar = self.screen.insert_before(&self.total, ProgressBar::new(file.size));
                bar.set_style(self.style.clone());
                bar.set_message(path.display().to_string());
                self.of_files.insert(Arc::clone(path), bar);
            }
            if let Some(bar) = self.of_files.get(path) {
                bar.set_length(file.size);
                bar.set_position(file.delivered);
            }
        }
    }

    fn clear(&mut self) {
        // Nothing is left to be said if the terminal went away.
        let _ = self.screen.clear();
    }
}

#[derive(Default)]
struct Lines {
    said_at: Option<Instant>,
}

impl Lines {
    fn update(&mut self, files: &[(Arc<Path>, FileProgress)]) {
        let said_at = *self.said_at.get_or_insert_with(Instant::now);
        if said_at.elapsed() < LINE_INTERVAL {
            return;
        }
        self.said_at = Some(Instant::now());
        for (path, file) in files.iter().filter(|(_, file)| !file.is_caught_up).take(BARS_MAX) {
            let percent = file.delivered * 100 / file.size.max(1);
            eprintln!("{}: {percent} % of {}", path.display(), HumanBytes(file.size));
        }
    }
}
