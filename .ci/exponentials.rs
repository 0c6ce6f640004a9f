//! A control: exponentials of the standard library over a table, as one number. They differ between processors, which is
//! why no result of the simulator may rest on them.

fn main() {
    let table = (0..1_000_000).map(|i| f64::from(i) * 2.1e-5 - 11.0);
    let fold = |hash: u64, x: f64| (hash ^ std::hint::black_box(x).exp().to_bits()).wrapping_mul(0x100_0000_01B3);
    println!("{:016x}", table.fold(0, fold));
}
