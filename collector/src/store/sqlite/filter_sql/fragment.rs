//! A piece of a `WHERE`, and how pieces are joined.
//!
//! A fragment *holds* for a row if its SQL is true there; null counts as false. This makes `AND` and `OR` mean what they
//! say, while `NOT` does not (`NOT NULL` is null), so negation is written `IS NOT TRUE`.

use rusqlite::types::Value as SqlValue;

/// SQL that holds wherever what it stands for holds, and nowhere else if it is exact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fragment {
    pub(super) sql: String,
    pub(super) params: Vec<SqlValue>,
    pub(super) exact: bool,
    /// At least the height of the tree that `SQLite` makes of it.
    pub(super) levels: usize,
}

const TRUE: &str = "1";
const FALSE: &str = "0";

impl Fragment {
    pub(super) fn exactly(sql: impl Into<String>, params: Vec<SqlValue>) -> Self {
        Self { sql: sql.into(), params, exact: true, levels: 3 }
    }

    /// The same answer for every row.
    pub(super) fn constant(holds: bool) -> Self {
        Self::exactly(if holds { TRUE } else { FALSE }, Vec::new())
    }

    /// What holds for every row because nothing better is known.
    pub(super) fn anything() -> Self {
        Self::constant(true).at_least()
    }

    /// Says that the SQL may hold elsewhere too.
    pub(super) fn at_least(mut self) -> Self {
        self.exact = false;
        self
    }

    /// Where all of them hold.
    pub(super) fn all(fragments: impl IntoIterator<Item = Fragment>) -> Self {
        Self::join(fragments, " AND ", TRUE, FALSE)
    }

    /// Where any of them holds.
    pub(super) fn any(fragments: impl IntoIterator<Item = Fragment>) -> Self {
        Self::join(fragments, " OR ", FALSE, TRUE)
    }

    /// Where it does not hold. The opposite of SQL that holds too often would hold too seldom, so nothing is said then.
    pub(super) fn not(mut self) -> Self {
        if !self.exact {
            return Self::anything();
        }
        match self.sql.as_str() {
            TRUE => Self::constant(false),
            FALSE => Self::constant(true),
            _ => {
                self.sql = format!("({}) IS NOT TRUE", self.sql);
                self.levels += 2;
                self
            }
        }
    }

    /// Joins fragments, leaving out those that do not change the result and stopping at one that decides it.
    fn join(fragments: impl IntoIterator<Item = Fragment>, operator: &str, neutral: &str, decisive: &str) -> Self {
        let (mut exact, mut decided_exactly, mut is_decided) = (true, false, false);
        let mut kept: Vec<Fragment> = Vec::new();
        for fragment in fragments {
            exact &= fragment.exact;
            if fragment.sql == decisive {
                is_decided = true;
                decided_exactly |= fragment.exact;
            } else if fragment.sql != neutral {
                kept.push(fragment);
            }
        }
        if is_decided || kept.is_empty() {
            let sql = if is_decided { decisive } else { neutral };
            return Self { exact: exact || decided_exactly, ..Self::exactly(sql, Vec::new()) };
        }
        if kept.len() == 1 {
            let only = kept.remove(0);
            return Self { exact, ..only };
        }
        let levels = kept.len() + kept.iter().map(|fragment| fragment.levels).max().unwrap_or_default();
        let mut sql = String::new();
        let mut params = Vec::new();
        for fragment in kept {
            if !sql.is_empty() {
                sql.push_str(operator);
            }
            sql.push('(');
            sql.push_str(&fragment.sql);
            sql.push(')');
            params.extend(fragment.params);
        }
        Self { sql, params, exact, levels }
    }
}
