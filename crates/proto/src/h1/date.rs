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

/// The moment that a date means, in seconds since the epoch, in any of the three forms that a recipient must know:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. `None`: it is none of
/// them. `now` tells which century a year of two digits is in: at most 50 years ahead.
pub fn parse_date(text: &[u8], now: i64) -> Option<i64> {
    let text = text.trim_ascii();
    let comma = text.iter().position(|&byte| byte == b',');
    let Some(comma) = comma else { return parse_asctime(text) };
    let rest = text.get(comma + 2..).filter(|_| text.get(comma + 1) == Some(&b' '))?;
    let is_short = comma == 3;
    let date_len = if is_short { 11 } else { 9 };
    let (date, time) = (rest.get(..date_len)?, rest.get(date_len..)?);
    let between = if is_short { b' ' } else { b'-' };
    if date[2] != between || date[6] != between || time.len() != 13 || time[0] != b' ' || &time[9..] != b" GMT" {
        return None;
    }
    let year = number(&date[7..])?;
    let year = if is_short { year } else { full_year(year, now) };
    seconds(year, month(&date[3..6])?, number(&date[..2])?, &time[1..9])
}

/// `Sun Nov  6 08:49:37 1994`
fn parse_asctime(text: &[u8]) -> Option<i64> {
    if text.len() != 24 || [3, 7, 10, 19].iter().any(|&at| text[at] != b' ') {
        return None;
    }
    let day = if text[8] == b' ' { number(&text[9..10])? } else { number(&text[8..10])? };
    seconds(number(&text[20..])?, month(&text[4..7])?, day, &text[11..19])
}

fn full_year(two_digits: i64, now: i64) -> i64 {
    let (this_year, _, _) = civil(now.clamp(REPRESENTABLE.0, REPRESENTABLE.1).div_euclid(SECONDS_A_DAY));
    let year = this_year - this_year.rem_euclid(100) + two_digits;
    if year > this_year + 50 { year - 100 } else { year }
}

fn month(name: &[u8]) -> Option<i64> {
    MONTHS.iter().position(|month| month.as_slice() == name).map(|index| index as i64 + 1)
}

fn number(digits: &[u8]) -> Option<i64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// Seconds since the epoch of a day and a time such as `08:49:37`. `None`: there is no such moment.
fn seconds(year: i64, month: i64, day: i64, time: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    let days = days_since_epoch(year, month, day);
    // A leap second is the first one of the next minute.
    let is_valid = hour < 24 && minute < 60 && second <= 60 && day > 0 && civil(days) == (year, month, day);
    is_valid.then(|| days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second)
}

/// The inverse of [`civil`].
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
