//! The last table of a bench: vrift's overhead in relation to the native time and to proot's overhead.

use super::lab::{Times, Way};

/// The ways that are compared.
pub(crate) const NATIVE: &str = "native";
pub(crate) const VRIFT: &str = "vrift run";
pub(crate) const PROOT: &str = "proot -b";
/// proot where nothing is to be shown elsewhere, for what fails with that.
pub(crate) const PROOT_BARE: &str = "proot";

/// Seconds of processor time after which a program is not soon done.
const LONG: f64 = 0.5;

/// Whether stops are counted of what takes so long: always with `VRIFT_STOPS=1`, else of what is soon done,
/// because under strace vrift takes ten times as long.
pub(crate) fn counts_stops(times: &Times) -> bool {
    let asked = std::env::var("VRIFT_STOPS").is_ok_and(|value| value == "1");
    asked || times.cpu() < LONG
}

/// The lines of the table so far.
#[derive(Debug, Default)]
pub(crate) struct Summary(String);

impl Summary {
    /// Adds a line on the way `ours`.
    pub(crate) fn add(
        &mut self,
        name: &str,
        ours: &str,
        ways: &[Way],
        all: &[Option<Times>],
        stops: Option<usize>,
    ) {
        let number = |value: Option<f64>, places| match value {
            Some(value) => format!("{value:.places$}"),
            None => "-".to_owned(),
        };
        let compared = |time: fn(&Times) -> f64| {
            let of = |name: &str| {
                let at = ways.iter().position(|way| way.name == name)?;
                all[at].as_ref().map(time)
            };
            let (native, vrift, proot) = (of(NATIVE), of(ours), of(PROOT).or(of(PROOT_BARE)));
            let over = |time: Option<f64>| Some(time? - native?);
            let to_proot = over(vrift).zip(over(proot)).map(|(ours, theirs)| ours / theirs);
            let factor = vrift.zip(native).map(|(vrift, native)| vrift / native);
            (native, factor, over(vrift), over(proot), to_proot)
        };
        let (native, factor, over, proot, to_proot) = compared(Times::median);
        let (_, cpu_factor, _, _, cpu_to_proot) = compared(Times::cpu);
        self.0 += &format!(
            "  {name:<26} {:>10} {:>10} {:>12} {:>12} {:>12} {:>14} {:>12} {:>8}\n",
            number(native, 4),
            number(factor, 2),
            number(over, 4),
            number(proot, 4),
            number(to_proot, 2),
            number(cpu_factor, 2),
            number(cpu_to_proot, 2),
            stops.map_or("-".to_owned(), |stops| stops.to_string()),
        );
    }

    /// The whole table.
    pub(crate) fn text(&self) -> String {
        let times = format!(
            "{:>10} {:>10} {:>12} {:>12} {:>12}",
            "native s", "x native", "overhead s", "proot's s", "to proot's"
        );
        let processor = format!("{:>14} {:>12}", "cpu: x native", "to proot's");
        format!("\n  {:<26} {times} {processor} {:>8}\n{}", "", "stops", self.0)
    }
}
