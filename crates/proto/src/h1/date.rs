//! Dates as HTTP writes them (RFC 9110 §5.6.7).

const SECONDS_A_DAY: i64 = 86_400;
const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// The first second of the year 0 and the last of the year 9999, between which a year has four digits.
const REPRESENTABLE: (i64, i64) = (-62_167_219_200, 253_402_300_799);

/// The moment as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Years are kept within 0 to 9999.
pub fn imf_fixdate(unix_seconds: i64) -> [u8; 29] {
    let seconds = unix_seconds.clamp(REPRESENTABLE.0, REPRESENTABLE.1);
    let days = seconds.div_euclid(SECONDS_A_DAY);
    let second_of_day = seconds.rem_euclid(SECONDS_A_DAY);
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    text[..3].copy_from_slice(DAYS[days.rem_euclid(7) as usize]);
    two_digits(&mut text, 5, day);
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    two_digits(&mut text, 12, year / 100);
    two_digits(&mut text, 14, year % 100);
    two_digits(&mut text, 17, second_of_day / 3600);
    two_digits(&mut text, 20, second_of_day / 60 % 60);
    two_digits(&mut text, 23, second_of_day % 60);
    text
}

/// Year, month (1 to 12) and day (1 to 31) of the day that is `days` after 1 January 1970.
///
/// The year is made to start in March, so that the leap day is its last and the months before it have a fixed rhythm
/// of 153 days in five months; 400 such years are always 146 097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_march_0 = days + 719_468;
    let era = since_march_0.div_euclid(146_097);
    let day_of_era = since_march_0.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn two_digits(text: &mut [u8; 29], at: usize, number: i64) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}
