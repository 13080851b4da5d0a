//! `server_cpulist`: the processors that the workers are pinned to, such as `0-7:2` or `0,2,4-6`.

/// Processor numbers in the order written, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuList(pub Vec<u32>);

/// Past any machine; bounds what a range may unfold to.
const CPU_MAX: u32 = 4095;

impl CpuList {
    /// A list of `number`, `first-last` or `first-last:step`, separated by commas. `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut cpus = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (range, step) = part.split_once(':').map_or((part, "1"), |(range, step)| (range, step));
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number <= CPU_MAX);
            let (first, last, step) = (number(first)?, number(last)?, number(step)?);
            if step == 0 || first > last {
                return None;
            }
            cpus.extend(
                (first..=last).step_by(step as usize).filter(|cpu| !cpus.contains(cpu)).collect::<Vec<_>>(),
            );
        }
        Some(Self(cpus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_steps() {
        for (text, cpus) in [
            ("", vec![]),
            ("3", vec![3]),
            ("0-3", vec![0, 1, 2, 3]),
            ("0-7:2", vec![0, 2, 4, 6]),
            ("4,0,2-3,3", vec![4, 0, 2, 3]),
        ] {
            assert_eq!(CpuList::parse(text), Some(CpuList(cpus)), "{text:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["a", "1,", "3-1", "1-2:0", "-1", "1--2", "4096", "0-4294967295"] {
            assert_eq!(CpuList::parse(text), None, "{text:?}");
        }
    }
}
