use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// For two batch sizes, how many points of test error each mistake costs, with intervals over the seeds.
pub fn copied(sides: &[(usize, Vec<Named>); 2], lang: Lang) -> String {
    let titles = sides.each_ref().map(|(batch, _)| match lang {
        Lang::Ko => format!("{batch}장씩 학습"),
        Lang::En => format!("Trained in batches of {batch}"),
    });
    let axis = lang.pick("늘어난 시험 오차, 점", "additional test error, points");
    let [small, large] = sides;
    let [first, second] = &titles;
    stacked([
        Titled { title: first, axis, rows: &small.1, zero: true, ink: Ink::Vermillion },
        Titled { title: second, axis, rows: &large.1, zero: true, ink: Ink::Blue },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let sides = [(8, vec![row("0.99", 30.0), row("ε", 0.1)]), (64, vec![row("0.99", 2.0)])];
        check(|lang| copied(&sides, lang), "늘어난 시험 오차", "additional test error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&copied(&[(0, vec![]), (0, vec![])], Lang::Ko));
        let wild = vec![row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&copied(&[(8, wild.clone()), (64, wild)], Lang::En));
    }
}
