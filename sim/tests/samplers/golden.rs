//! The first draws of each generator and each distribution: a sampler that changes, changes every result. They are the
//! same on every machine and in every build.

use insta::assert_snapshot;
use redeliver_sim::{Chance, Distribution, Luck, Purpose, Stream, Zipf, mix, name_hash};

use crate::laws::all;
use crate::source::{SEED, Source};

/// Four draws of a stream, then four about as many messages.
fn draws() -> Vec<u64> {
    let mut stream = Stream::new(SEED, "golden");
    let (purpose, producer) = (Purpose::new(SEED, "golden"), Purpose::new(SEED, "message shop/1"));
    let streamed = (0..4).map(|_| stream.draw());
    streamed.chain((0..4).map(|number| purpose.draw(Luck::new(producer, number), 0))).collect()
}

fn line<T: ToString>(name: &str, values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    format!("{name}: {}\n", values.join(" "))
}

#[test]
fn draws_are_what_they_were() {
    let hexadecimal = |draws: Vec<u64>| draws.into_iter().map(|bits| format!("{bits:016x}"));
    let purpose = Purpose::new(SEED, "golden");
    let luck = Luck::new(purpose, 0);
    let text = [
        line("mix", hexadecimal((0..3).map(mix).collect())),
        line("names", hexadecimal(vec![name_hash(""), name_hash("golden")])),
        line("a stream", hexadecimal(draws()[..4].to_vec())),
        line("messages", hexadecimal(draws()[4..].to_vec())),
        line("counters", hexadecimal((0..3).map(|counter| purpose.draw(luck, counter)).collect())),
        line("attempts", hexadecimal((0..3).map(|attempt| purpose.draw(luck.attempt(attempt), 0)).collect())),
    ];
    assert_snapshot!(text.concat(), @r"
    mix: 0000000000000000 5692161d100b05e5 dbd238973a2b148a
    names: f52a15e9a9b5e89b d8f71b25ed525287
    a stream: 29e1e0e7f994db12 34849418684bc658 b2a0d6d0fcd04308 85a6383903705de3
    messages: 2bb48c17f50c8057 9ce73498e8256383 3c5271f1f147cb5b ec15f55bbe8d0c5f
    counters: e11d6e9c61bcb6b6 407fb60918b52cb6 cfe348af491437ef
    attempts: e11d6e9c61bcb6b6 dad1e6daeb7ab2e2 770e322df5581b3d
    ");
}

/// So large that the last bit of every floating-point number counts: processors and C libraries differ in it, once in many.
#[test]
fn last_bits_of_many_samples_are_what_they_were() {
    let folded = |(name, distribution): (&str, Distribution)| {
        let draws = Source::Stream.draws("last bits");
        let fold = |all: u64, bits: u64| mix(all ^ distribution.sample(bits));
        line(name, [format!("{:016x}", draws.into_iter().fold(0, fold))])
    };
    let large = [
        ("exponential", Distribution::Exponential { mean: 1e15 }),
        ("log-normal", Distribution::LogNormal { mu: 34.5, sigma: 0.5 }),
        ("pareto", Distribution::Pareto { scale: 1e15, shape: 4.0 }),
    ];
    let text: String = large.into_iter().map(folded).collect();
    assert_snapshot!(text, @r"
    exponential: d2ce4edb85457806
    log-normal: f5f2ffd631e3948b
    pareto: c518e9e5d87d0ee7
    ");
}

#[test]
fn samples_are_what_they_were() {
    let sampled = |(name, distribution): (&str, Distribution)| {
        line(name, draws().into_iter().map(|bits| distribution.sample(bits)))
    };
    let mut text: String = all().into_iter().map(sampled).collect();
    let (zipf, chance) = (Zipf::new(1000, 1.0), Chance::new(0.3));
    text += &line("zipf", draws().into_iter().map(|bits| zipf.sample(bits)));
    text += &line("chance", draws().into_iter().map(|bits| u8::from(chance.happens(bits))));
    assert_snapshot!(text, @r"
    constant: 5000000 5000000 5000000 5000000 5000000 5000000 5000000 5000000
    die: 1 2 5 4 2 4 2 6
    uniform: 2308823 2641184 6582134 5176541 2365789 5903223 2885064 8377681
    uniform, all: 3017940512244292370 3784312419447981656 12871523928107926280 9630446670700371427 3149296073962192983 11306063220871357315 4346661874315021147 17011772941849660511
    exponential: 9051566 7920118 1799352 3249791 8838545 2447744 7227399 404911
    log-normal: 2002929 2165829 4235424 3360740 2031623 3773247 2280236 6649470
    log-normal, heavy: 460692 629861 9211619 3651640 487664 5802423 773870 55962422
    pareto: 1222803 1192441 1040796 1074889 1217028 1055901 1174226 1009039
    pareto, heavy: 9610839 7242957 1568058 2253417 9112400 1843998 6091228 1106529
    empirical: 1000 2000 6000 2000 1000 6000 2000 50000
    zipf: 1 2 103 27 1 54 2 558
    chance: 1 1 0 0 1 0 1 0
    ");
}
