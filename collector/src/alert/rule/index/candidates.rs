//! Which filters are worth asking about a document: all that match, and few others.

use std::collections::{HashMap, HashSet};

use labtrail_shared::filter::Filter;
use serde_json::Value;

use super::{
    needs::{Needs, Term, Wanted},
    table::Table,
};

/// Filters, by what they need.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    /// One for each path at which some filter needs something.
    tables: Vec<Table>,
    /// The filters that are always to be asked.
    always: Marks,
}

/// A set of filters, one bit for each.
#[derive(Debug, Clone)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn set(&mut self, filter: usize) {
        self.0[filter / 64] |= 1 << (filter % 64);
    }
}

impl Candidates {
    pub(super) fn new(filters: &[&Filter]) -> Self {
        let needs: Vec<Needs<'_>> = filters.iter().map(|filter| Needs::of(filter.condition())).collect();
        let values = ValueCounts::of(&needs);
        let mut always = Marks(vec![0; filters.len().div_ceil(64)]);
        let mut tables = Vec::new();
        let mut places = HashMap::new();
        for (filter, needs) in needs.iter().enumerate() {
            let Some((_, terms)) = needs.rarest(&|term| values.frequency(term)) else {
                always.set(filter);
                continue;
            };
            for term in terms {
                let place = *places.entry(term.path.to_string()).or_insert_with(|| {
                    tables.push(Table::new(term.path));
                    tables.len() - 1
                });
                tables[place].add(term.wanted, filter);
            }
        }
        Self { tables, always }
    }

    /// Shows the filters to ask, in their order.
    pub(super) fn each(&self, document: &Value, mut visit: impl FnMut(usize)) {
        let mut marks = self.always.clone();
        self.tables.iter().for_each(|table| table.mark(document, &mut marks));
        for (word, bits) in marks.0.into_iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                visit(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

/// How many different values the filters ask for at each path. Nothing else is known of the documents to come: a path
/// at which many values are asked for, as of nodes, will have as many, and each is rare.
struct ValueCounts(HashMap<String, usize>);

impl ValueCounts {
    fn of(needs: &[Needs<'_>]) -> Self {
        let mut values: HashMap<String, HashSet<String>> = HashMap::new();
        let mut count = |term: Term<'_>| {
            if matches!(term.wanted, Wanted::Text(_) | Wanted::Number(_)) {
                values.entry(term.path.to_string()).or_default().insert(format!("{:?}", term.wanted));
            }
        };
        for needs in needs {
            needs.each_term(&mut count);
        }
        Self(values.into_iter().map(|(path, values)| (path, values.len())).collect())
    }

    /// A guess of how often a term holds; only which of two is greater matters.
    fn frequency(&self, term: Term<'_>) -> f64 {
        match term.wanted {
            Wanted::Text(_) | Wanted::Number(_) => {
                1.0 / (3.0 + self.0.get(&term.path.to_string()).copied().unwrap_or_default() as f64)
            }
            // What is true is noteworthy: `alert`, `archived`.
            Wanted::Bool(true) => 0.1,
            Wanted::Bool(false) => 0.9,
            Wanted::AtLeast(_) | Wanted::AtMost(_) => 0.4,
        }
    }
}
