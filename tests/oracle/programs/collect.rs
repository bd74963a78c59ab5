// collect: closures, trait objects, maps, strings, panics that are caught.
use std::collections::{BTreeMap, HashMap};

trait Shape {
    fn area(&self) -> f64;
}
struct Square(f64);
struct Round(f64);
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}
impl Shape for Round {
    fn area(&self) -> f64 {
        3.0 * self.0 * self.0
    }
}

#[inline(never)]
fn down(n: u32) -> u32 {
    let text = format!("{n}");
    if n == 0 {
        std::panic::resume_unwind(Box::new(7u32));
    }
    down(n - 1) + text.len() as u32
}

#[inline(never)]
fn one_round(seed: usize) -> f64 {
    let mut shapes: Vec<Box<dyn Shape>> = (0..60)
        .map(|i| -> Box<dyn Shape> {
            if (i + seed) % 2 == 0 { Box::new(Square((i * 37 % 50) as f64)) } else { Box::new(Round((i * 17 % 50) as f64)) }
        })
        .collect();
    shapes.sort_by(|a, b| a.area().partial_cmp(&b.area()).unwrap());
    let mut tree = BTreeMap::new();
    let mut hash: HashMap<String, usize> = HashMap::new();
    for (i, s) in shapes.iter().enumerate() {
        let key = format!("{:.1}", s.area());
        tree.insert(key.clone(), s.area());
        *hash.entry(key).or_insert(0) += i;
    }
    let caught = std::panic::catch_unwind(|| down(12)).unwrap_err();
    tree.values().sum::<f64>() + hash.len() as f64 + *caught.downcast::<u32>().unwrap() as f64
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(100);
    println!("{}", (0..rounds).map(one_round).sum::<f64>());
}
