//! Properties that hold for whatever a generator comes up with.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// So many cases, unless `PROPTEST_CASES` sets how many.
pub fn cases(cases: u32) -> Config {
    match std::env::var_os("PROPTEST_CASES") {
        None => Config::with_cases(cases),
        Some(_) => Config::default(),
    }
}

/// Runs an async test on random cases. One that fails is made as small as it goes and printed. Each
/// run makes new cases, of which `PROPTEST_CASES` sets how many; with the same
/// `PROPTEST_RNG_SEED` they are the same.
pub fn for_all<S: Strategy>(cases: u32, strategy: S, test: impl AsyncFn(S::Value)) {
    shrinking(200, cases, strategy, test);
}

/// The same for cases that take seconds each: one that fails is made smaller in so many steps at most.
pub fn shrinking<S: Strategy>(steps: u32, cases: u32, strategy: S, test: impl AsyncFn(S::Value)) {
    let mut config =
        Config { max_shrink_iters: steps, failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let outcome = TestRunner::new(config).run(&strategy, |case| {
        block_in_place(|| Handle::current().block_on(test(case)));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
