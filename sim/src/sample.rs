//! Samplers: 64 uniform bits in, a whole number (nanoseconds, or bytes) out.
//!
//! Only additions, multiplications and `libm`, so the answer is the same on every machine. The exponential uses
//! a table-driven logarithm in plain multiplications (error below 1e-12, monotone in the draw).

/// A uniform number strictly between 0 and 1, from the upper 52 bits.
#[inline(always)]
pub fn unit(bits: u64) -> f64 {
    ((bits >> 12) as i64 as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

/// The nearest whole number; beyond 2^63 (292 years) that.
#[inline(always)]
fn whole(value: f64) -> u64 {
    (value + 0.5) as i64 as u64
}

/// What a span or a size is drawn from. Times in nanoseconds, sizes in bytes.
#[derive(Clone, PartialEq, Debug)]
#[repr(u8)]
pub enum Distribution {
    /// Always the same.
    Constant(u64),
    /// Memoryless, with this mean.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Evenly between two values.
    Uniform {
        /// The least.
        low: u64,
        /// The greatest.
        high: u64,
    },
    /// The logarithm is normal.
    LogNormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// A heavy tail: P(X > x) = (scale / x)^shape.
    Pareto {
        /// The least value.
        scale: f64,
        /// The smaller, the heavier the tail; at 1 and below the mean is infinite.
        shape: f64,
    },
    /// One of these, evenly: recorded values, sorted.
    Empirical(Vec<u64>),
}

impl Distribution {
    /// Always zero.
    pub const ZERO: Distribution = Distribution::Constant(0);

    /// The value for these bits.
    #[inline(always)]
    pub fn sample(&self, bits: u64) -> u64 {
        self.sample_with(|| bits)
    }

    /// The value for the bits that are drawn, if it depends on them.
    #[inline(always)]
    pub fn sample_with(&self, draw: impl FnOnce() -> u64) -> u64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Exponential { mean } => exponential(draw(), *mean),
            _ => self.sample_rare(draw()),
        }
    }

    #[inline(never)]
    fn sample_rare(&self, bits: u64) -> u64 {
        match self {
            Distribution::Uniform { low, high } => {
                let width = u128::from(high - low) + 1;
                low + ((u128::from(bits) * width) >> 64) as u64
            }
            Distribution::LogNormal { mu, sigma } => whole(libm::exp(mu + sigma * normal(bits))),
            Distribution::Pareto { scale, shape } => whole(scale * libm::pow(unit(bits), -1.0 / shape)),
            Distribution::Empirical(values) => {
                values[((u128::from(bits) * values.len() as u128) >> 64) as usize]
            }
            Distribution::Constant(_) | Distribution::Exponential { .. } => {
                unreachable!("sampled by the caller")
            }
        }
    }

    /// The mean; infinite where the tail is that heavy.
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Constant(value) => *value as f64,
            Distribution::Exponential { mean } => *mean,
            Distribution::Uniform { low, high } => (*low as f64 + *high as f64) / 2.0,
            Distribution::LogNormal { mu, sigma } => libm::exp(mu + sigma * sigma / 2.0),
            Distribution::Pareto { scale, shape } if *shape > 1.0 => scale * shape / (shape - 1.0),
            Distribution::Pareto { .. } => f64::INFINITY,
            Distribution::Empirical(values) => {
                values.iter().map(|v| *v as f64).sum::<f64>() / values.len() as f64
            }
        }
    }

    /// The greatest value that it can give.
    pub fn greatest(&self) -> u64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { high, .. } => *high,
            Distribution::Empirical(values) => values.last().copied().unwrap_or_default(),
            _ => u64::MAX,
        }
    }
}

/// A standard normal from one uniform, by Acklam's inverse of the distribution function (relative error < 1.2e-9).
fn normal(bits: u64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let p = unit(bits);
    let horner = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    if p < 0.02425 {
        return tail(p);
    }
    if p > 1.0 - 0.02425 {
        return -tail(1.0 - p);
    }
    let q = p - 0.5;
    let r = q * q;
    horner(&A, r) * q / (horner(&B, r) * r + 1.0)
}

/// For each 128th part of [1, 2): one over its centre, and the centre's logarithm.
static LN: [(f64, f64); 128] = {
    let mut table = [(0.0, 0.0); 128];
    let mut i = 0;
    while i < 128 {
        let centre = 1.0 + (i as f64 + 0.5) / 128.0;
        table[i] = (1.0 / centre, ln_by_series(centre));
        i += 1;
    }
    table
};

/// ln(x) for x in [1, 2], as 2 artanh((x - 1) / (x + 1)): for the table, when the program is compiled.
const fn ln_by_series(x: f64) -> f64 {
    let z = (x - 1.0) / (x + 1.0);
    // From the smallest term on: the last are below 2^-60 for z up to 1/3.
    let (mut sum, mut n) = (0.0, 41);
    while n > 1 {
        n -= 2;
        sum = sum * z * z + 1.0 / n as f64;
    }
    2.0 * z * sum
}

/// An exponential with this mean, in whole numbers. Below 2^51 (26 days) adding 2^52 rounds it and leaves it in the last
/// bits, which is quicker than a conversion.
#[inline(always)]
pub(crate) fn exponential(bits: u64, mean: f64) -> u64 {
    const INTEGER: f64 = (1u64 << 52) as f64;
    let value = negative_ln(bits) * mean;
    if value < (1u64 << 51) as f64 { (value + INTEGER).to_bits() & ((1 << 52) - 1) } else { whole(value) }
}

/// -ln(unit(bits)), by the table and a polynomial of degree four.
#[inline(always)]
fn negative_ln(bits: u64) -> f64 {
    // The uniform number is an odd number of 2^53rds; shifted, its first digit is the highest bit.
    let odd = bits >> 11 | 1;
    let zeros = odd.leading_zeros();
    let digits = odd << zeros;
    let mantissa = f64::from_bits(digits << 1 >> 12 | 1023 << 52);
    let (inverse, ln) = LN[(digits >> 56) as usize & 127];
    let r = mantissa * inverse - 1.0; // |r| < 2^-8
    let square = r * r;
    let p = (r - 0.5 * square) + square * r * (1.0 / 3.0 - r * 0.25);
    HALVINGS[zeros as usize & 63] - ln - p
}

/// By the leading zeros of an odd number of 2^53rds: how often it was halved from [1, 2) on, times ln 2.
static HALVINGS: [f64; 64] = {
    let mut table = [0.0; 64];
    let mut zeros = 11;
    while zeros < 64 {
        table[zeros] = (zeros as f64 - 10.0) * std::f64::consts::LN_2;
        zeros += 1;
    }
    table
};

/// Numbers 0 to n-1, the i-th with weight 1 / (i + 1)^s: some keys are much more popular than others.
#[derive(Clone, PartialEq, Debug)]
pub struct Zipf {
    /// Cumulative weights, scaled to 2^64.
    thresholds: Vec<u64>,
}

impl Zipf {
    /// Zipf's law over `n` ranks (at least one) with exponent `s`.
    pub fn new(n: u32, s: f64) -> Self {
        assert!(n > 0);
        let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(f64::from(rank), -s)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let mut thresholds: Vec<u64> = weights
            .iter()
            .map(|weight| {
                sum += weight;
                (sum / total * 18_446_744_073_709_551_616.0) as u64
            })
            .collect();
        thresholds[n as usize - 1] = u64::MAX;
        Zipf { thresholds }
    }

    /// The rank for these bits.
    pub fn sample(&self, bits: u64) -> u32 {
        self.thresholds.partition_point(|&t| t < bits).min(self.thresholds.len() - 1) as u32
    }
}
