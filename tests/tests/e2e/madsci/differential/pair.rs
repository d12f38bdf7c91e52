//! MADSci's server and our collector, each on a database of its own.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use labtrail_tests::{
    lab::{Answer, Api, Collector, Lab},
    services::{
        MadsciServer, Mongod,
        bson::{Bson, Document, doc},
    },
};

use super::{
    alike::differences,
    case::{Case, shortened},
};
use crate::madsci::collector_on;

/// Both.
pub(super) struct Pair {
    pub(super) theirs: MadsciServer,
    pub(super) ours: Collector,
    scene: String,
    differences: RefCell<Vec<String>>,
    accepted: RefCell<BTreeSet<&'static str>>,
    comparisons: Cell<usize>,
    // Dropped last.
    lab: Lab,
}

/// What a scene brought to light.
pub(super) struct Findings {
    pub(super) differences: Vec<String>,
    pub(super) accepted: BTreeSet<&'static str>,
    pub(super) comparisons: usize,
}

#[expect(clippy::needless_pass_by_value, reason = "a case is made where it is asked, and never again")]
impl Pair {
    /// Starts both, and plays a scene with them.
    pub(super) fn play(name: &str, scene: fn(&Self)) -> Findings {
        let lab = Lab::new();
        let theirs = MadsciServer::start(&Mongod::shared().url(), &format!("madsci_{name}"), &[]);
        let ours = collector_on(&lab, &format!("labtrail_{name}"));
        let pair = Self {
            theirs,
            ours,
            scene: name.to_owned(),
            differences: RefCell::default(),
            accepted: RefCell::default(),
            comparisons: Cell::new(0),
            lab,
        };
        scene(&pair);
        Findings {
            differences: pair.differences.take(),
            accepted: pair.accepted.take(),
            comparisons: pair.comparisons.get(),
        }
    }

    /// Both must answer alike.
    pub(super) fn same(&self, case: Case) {
        let (theirs, ours) = self.ask(&case);
        let found = differences(&case, &theirs, &ours);
        if !found.is_empty() {
            self.report(&case, &theirs, &ours, &found);
        }
    }

    /// All of these must be answered alike.
    pub(super) fn same_all<T>(&self, make: impl Fn(T) -> Case, of: impl IntoIterator<Item = T>) {
        for input in of {
            self.same(make(input));
        }
    }

    /// Ours answers otherwise than MADSci, and so.
    pub(super) fn accepted(&self, key: &'static str, case: Case, check: impl FnOnce(&Answer) -> Result<(), String>) {
        self.accepted.borrow_mut().insert(key);
        let (theirs, ours) = self.ask(&case);
        let mut found = Vec::new();
        if differences(&case, &theirs, &ours).is_empty() {
            found.push(format!("accepted as \"{key}\", but there is no difference"));
        }
        found.extend(check(&ours).err().map(|problem| format!("accepted as \"{key}\", but {problem}")));
        if !found.is_empty() {
            self.report(&case, &theirs, &ours, &found);
        }
    }

    /// An accepted difference in another place than in one answer.
    pub(super) fn accepted_if(&self, key: &'static str, is_so: bool, what: &str) {
        self.accepted.borrow_mut().insert(key);
        self.comparisons.set(self.comparisons.get() + 1);
        if !is_so {
            self.differences.borrow_mut().push(format!("({}) accepted as \"{key}\", but {what}", self.scene));
        }
    }

    /// An empty folder.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.lab.path(name);
        fs::create_dir_all(&folder).expect("folders can be made");
        folder
    }

    /// Both must answer alike, and write alike into this folder of theirs.
    pub(super) fn same_files(&self, case: Case, folder: &Path) {
        let ask = |api: &Api| {
            let answer = api.request(case.method, &case.target, &case.headers, &case.body);
            let files: Vec<_> =
                fs::read_dir(folder).expect("it is there").map(|file| file.expect("it is there").path()).collect();
            let written = files.first().map(|file| {
                let text = fs::read_to_string(file).expect("it is readable");
                fs::remove_file(file).expect("it can be removed");
                format!("{}: {text}", file.display())
            });
            (answer, written)
        };
        self.comparisons.set(self.comparisons.get() + 2);
        let ((theirs, their_file), (ours, our_file)) = (ask(&self.theirs), ask(&self.ours));
        let mut found = differences(&case, &theirs, &ours);
        let file = |text: Option<String>| Answer::new(200, text.unwrap_or_default());
        found.extend(differences(&case, &file(their_file), &file(our_file)));
        if !found.is_empty() {
            self.report(&case, &theirs, &ours, &found);
        }
    }

    /// Both must have stored the same, to the kind of every value.
    pub(super) fn same_documents(&self, theirs: &[Document], ours: &[Document]) {
        self.comparisons.set(self.comparisons.get() + theirs.len());
        let mut differences = self.differences.borrow_mut();
        if theirs.len() != ours.len() {
            differences.push(format!("({}) {} ≠ {} documents are stored", self.scene, theirs.len(), ours.len()));
        }
        for (theirs, ours) in theirs.iter().zip(ours) {
            let words = |document: &Document| format!("{:?}", Bson::from(document.clone()));
            let (their_words, our_words) = (words(theirs), words(ours));
            if their_words != our_words {
                let scene = &self.scene;
                differences.push(format!("({scene}) stored\n    MADSci    {their_words}\n    Labtrail  {our_words}"));
            }
        }
    }

    /// Removes all events from both databases, behind the backs of both.
    pub(super) fn forget_events(&self) {
        for owner in ["madsci", "labtrail"] {
            let all = doc! {"delete": "events", "deletes": [{"q": {}, "limit": 0}]};
            Mongod::shared().command(&format!("{owner}_{}", self.scene), all);
        }
    }

    fn ask(&self, case: &Case) -> (Answer, Answer) {
        self.comparisons.set(self.comparisons.get() + 1);
        let ask = |api: &Api| api.request(case.method, &case.target, &case.headers, &case.body);
        (ask(&self.theirs), ask(&self.ours))
    }

    fn report(&self, case: &Case, theirs: &Answer, ours: &Answer, found: &[String]) {
        let answer = |answer: &Answer| {
            let kind = answer.header("content-type").unwrap_or("-");
            format!("{} {kind}  {}", answer.status, shortened(&answer.text, 700))
        };
        let mut lines = vec![format!("({}) {}", self.scene, case.words())];
        lines.push(format!("    MADSci    {}", answer(theirs)));
        lines.push(format!("    Labtrail  {}", answer(ours)));
        lines.extend(found.iter().take(8).map(|difference| format!("    | {difference}")));
        if found.len() > 8 {
            lines.push(format!("    | and {} more", found.len() - 8));
        }
        self.differences.borrow_mut().push(lines.join("\n"));
    }
}
