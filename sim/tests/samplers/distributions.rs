//! Each distribution, from each source, against its closed form.

use redeliver_sim::{Chance, Distribution, Zipf};

use crate::laws::{all, cdf, moments};
use crate::source::{DRAWS, Source};
use crate::statistics::*;

/// A distribution's values from a source: of draws that no other distribution has.
fn values(source: Source, name: &str, distribution: &Distribution) -> Vec<u64> {
    source.draws(name).into_iter().map(|bits| distribution.sample(bits)).collect()
}

#[test]
fn every_distribution_has_its_mean_and_variance() {
    for source in Source::ALL {
        for (name, distribution) in all() {
            let Some(law) = moments(&distribution) else { continue };
            assert!((distribution.mean() / law.mean - 1.0).abs() < 1e-12, "{name}");
            let values = values(source, name, &distribution);
            let (mean, variance) = (mean_z(&values, law), variance_z(&values, law));
            assert!(mean.abs() < Z_MAX, "{name} from {source:?}: the mean is {mean} standard errors off");
            assert!(variance.abs() < Z_MAX, "{name} from {source:?}: the variance is {variance} off");
        }
    }
}

#[test]
fn every_distribution_has_its_distribution_function() {
    for source in Source::ALL {
        for (name, distribution) in all() {
            let values = values(source, name, &distribution);
            let distance = kolmogorov_smirnov(values, |value| cdf(&distribution, value));
            assert!(distance < DISTANCE_MAX, "{name} from {source:?}: {distance}");
        }
    }
}

#[test]
fn a_constant_is_always_the_same() {
    let five = Distribution::Constant(5);
    assert!([0, 1, 1 << 63, u64::MAX].iter().all(|bits| five.sample(*bits) == 5));
}

#[test]
fn spans_of_few_nanoseconds_are_rounded_to_the_nearest() {
    for distribution in [
        Distribution::Exponential { mean: 3.0 },
        Distribution::LogNormal { mu: 1.0, sigma: 0.7 },
        Distribution::Pareto { scale: 2.0, shape: 1.5 },
    ] {
        let values = values(Source::Stream, "short", &distribution);
        let distance = kolmogorov_smirnov(values, |value| cdf(&distribution, value));
        assert!(distance < DISTANCE_MAX, "{distribution:?}: {distance}");
    }
}

#[test]
fn a_chance_happens_as_often_as_it_says() {
    for source in Source::ALL {
        for probability in [0.001, 0.05, 0.5, 0.999] {
            let chance = Chance::new(probability);
            let draws = source.draws(&format!("chance {probability}"));
            let z = share_z(draws.iter().filter(|bits| chance.happens(**bits)).count(), DRAWS, probability);
            assert!(z.abs() < Z_MAX, "{probability} from {source:?}: {z}");
        }
    }
}

#[test]
fn ranks_are_as_popular_as_zipf_says() {
    let n = 50;
    for source in Source::ALL {
        for exponent in [0.0, 0.7, 1.0, 2.0] {
            let zipf = Zipf::new(n, exponent);
            let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
            let total: f64 = weights.iter().sum();
            let mut counts = vec![0; n as usize];
            for bits in source.draws(&format!("zipf {exponent}")) {
                counts[zipf.sample(bits) as usize] += 1;
            }
            let z = chi_square_z(&counts, |rank| DRAWS as f64 * weights[rank] / total);
            assert!(z.abs() < Z_MAX, "exponent {exponent} from {source:?}: {z}");
        }
    }
}

/// Arrivals with exponential gaps: in windows that hold three on average their number is Poisson's.
#[test]
fn arrivals_with_exponential_gaps_are_poisson() {
    const PER_WINDOW: f64 = 3.0;
    const MOST: usize = 10;
    for source in Source::ALL {
        let gaps = values(source, "arrivals", &Distribution::Exponential { mean: 1e6 });
        let window = PER_WINDOW * 1e6;
        let mut in_window = vec![0_usize; (DRAWS as f64 / PER_WINDOW * 0.95) as usize];
        let mut now = 0;
        for gap in gaps {
            now += gap;
            if let Some(count) = in_window.get_mut((now as f64 / window) as usize) {
                *count += 1;
            }
        }
        let mut counts = vec![0; MOST + 1];
        in_window.iter().for_each(|count| counts[(*count).min(MOST)] += 1);
        let mut shares = vec![libm::exp(-PER_WINDOW)];
        (1..MOST).for_each(|count| shares.push(shares[count - 1] * PER_WINDOW / count as f64));
        shares.push(1.0 - shares.iter().sum::<f64>());
        let z = chi_square_z(&counts, |count| in_window.len() as f64 * shares[count]);
        assert!(z.abs() < Z_MAX, "from {source:?}: {z}; {counts:?}");
    }
}
