"""Windows, freezes and polls in every kind of night, those with 23 and 25 hours too."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.windows import (
    DEFAULT_WINDOW,
    FreezeRange,
    Nights,
    Share,
    Span,
    Window,
    default_window,
    freezes,
    poll_sleep_s,
    quiet_time,
    span_on,
    upcoming,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")  # 2026: forward 8 March 02:00, back 1 November 02:00
BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour
CAIRO = ZoneInfo("Africa/Cairo")  # changes at midnight
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)
MINUTE = timedelta(minutes=1)

ZONES = [SHANGHAI, NEW_YORK, BERLIN, APIA, LORD_HOWE, CAIRO, ZoneInfo("America/St_Johns"), ZoneInfo("America/Havana")]
zones = st.sampled_from(ZONES)
windows = st.builds(
    lambda opens, minutes: Window(opens, (opens + minutes) % 1440 or 1440), st.integers(0, 1439), st.integers(1, 1439)
)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31)) | st.just(date(2011, 12, 30))
moments = st.integers(0, 365 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
estimates = st.integers(1, 90).map(lambda minutes: minutes * MINUTE)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def minute_of(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute


def shows(window: Window, minute: int) -> bool:
    return (minute - window.opens) % 1440 < window.minutes


class TestWords:
    @given(windows)
    def test_what_was_written_reads_back(self, window: Window) -> None:
        assert Window.parse(str(window)) == window
        assert Window.parse(window.shown) == window

    @pytest.mark.parametrize(
        "text", ["", "3-5", "03:00", "03:00-03:00", "24:00-05:00", "03:60-05:00", "03:00-24:01", "25:00-26:00"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a window"):
            Window.parse(text)

    def test_midnight_ends_a_day_and_begins_one(self) -> None:
        assert Window.parse("22:00-24:00") == Window.parse("22:00-00:00")
        assert Window.parse("00:00-24:00").always
        assert not Window.parse("00:00-23:59").always

    @given(windows)
    def test_the_rest_of_the_day_is_the_rest(self, window: Window) -> None:
        rest = window.complement()
        assert rest is not None
        assert rest.minutes + window.minutes == 1440
        assert not rest.overlaps(window)
        assert rest.complement() == window or window.always


class TestNightsOfTheClock:
    def test_over_midnight(self) -> None:
        span = span_on(Window.parse("23:00-02:00"), date(2026, 11, 20), SHANGHAI)
        assert span == Span(at("2026-11-20T23:00"), at("2026-11-21T02:00"))

    def test_opening_in_the_gap_means_right_after_it(self) -> None:
        assert span_on(Window.parse("02:30-04:00"), SPRING, NEW_YORK) == Span(
            utc("2026-03-08T07:00"), utc("2026-03-08T08:00")
        )

    def test_closing_in_the_gap_means_right_before_it(self) -> None:
        assert span_on(Window.parse("01:00-02:30"), SPRING, NEW_YORK) == Span(
            utc("2026-03-08T06:00"), utc("2026-03-08T07:00")
        )

    def test_a_window_inside_the_gap_is_left_out_that_night(self) -> None:
        window = Window.parse("02:10-02:50")
        assert span_on(window, SPRING, NEW_YORK) is None
        nights = Nights(window, NEW_YORK, "A", 5 * MINUTE)
        turn = nights.turn(utc("2026-03-08T05:00"))
        assert turn is not None
        assert turn.opens_at.astimezone(NEW_YORK).date() == date(2026, 3, 9)

    def test_a_window_that_comes_twice_opens_once(self) -> None:
        assert span_on(Window.parse("01:15-01:45"), AUTUMN, NEW_YORK) == Span(
            utc("2026-11-01T05:15"), utc("2026-11-01T05:45")
        )

    def test_a_window_that_starts_in_the_doubled_hour_starts_the_second_time(self) -> None:
        assert span_on(Window.parse("01:30-02:30"), AUTUMN, NEW_YORK) == Span(
            utc("2026-11-01T06:30"), utc("2026-11-01T07:30")
        )

    def test_a_window_around_the_doubled_hour_is_an_hour_longer(self) -> None:
        span = span_on(Window.parse("00:30-03:00"), AUTUMN, NEW_YORK)
        assert span is not None
        assert span.closes_at - span.opens_at == timedelta(hours=3, minutes=30)

    def test_a_day_that_never_was_has_no_window(self) -> None:
        assert span_on(DEFAULT_WINDOW, date(2011, 12, 30), APIA) is None

    @given(windows, days, zones, st.floats(0, 1, exclude_max=True))
    def test_every_moment_of_a_window_shows_a_clock_inside_it(
        self, window: Window, day: date, zone: ZoneInfo, fraction: float
    ) -> None:
        span = span_on(window, day, zone)
        if span is not None:
            moment = span.opens_at + timedelta(seconds=int((span.closes_at - span.opens_at).total_seconds() * fraction))
            assert shows(window, minute_of(moment, zone))

    @given(windows, moments, zones)
    def test_windows_come_in_order_and_never_overlap(self, window: Window, now: datetime, zone: ZoneInfo) -> None:
        spans = [span for _, span in upcoming(window, zone, now)]
        assert now < spans[0].closes_at
        assert all(before.closes_at <= after.opens_at for before, after in pairwise(spans))

    @given(windows, moments, zones)
    def test_a_moment_outside_every_window_shows_a_clock_outside_unless_the_clock_was_changed(
        self, window: Window, now: datetime, zone: ZoneInfo
    ) -> None:
        first = next(span for _, span in upcoming(window, zone, now))
        steady = len({(now + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-48, 49, 6)}) == 1
        if steady:
            assert (now in first) == shows(window, minute_of(now, zone))


class TestTurns:
    @given(windows, zones, moments, estimates, st.integers(1, 5), st.data())
    def test_a_turn_lies_in_its_window_and_leaves_time_to_finish(
        self, window: Window, zone: ZoneInfo, now: datetime, estimate: timedelta, count: int, data: st.DataObject
    ) -> None:
        share = Share(data.draw(st.integers(0, count - 1)), count)
        turn = Nights(window, zone, "DEMO-0001", estimate, share).turn(now)
        if turn is None:
            return
        assert turn.opens_at < turn.closes_at
        assert now < turn.closes_at
        spans = [span for _, span in upcoming(window, zone, now)]
        assert any(span.opens_at <= turn.opens_at and turn.closes_at + estimate == span.closes_at for span in spans)

    @given(windows, zones, moments, estimates)
    def test_asking_again_before_it_gives_the_same_turn(
        self, window: Window, zone: ZoneInfo, now: datetime, estimate: timedelta
    ) -> None:
        nights = Nights(window, zone, "DEMO-0001", estimate)
        turn = nights.turn(now)
        if turn is not None:
            assert nights.turn(max(now, turn.opens_at)) == turn
            assert nights.turn(turn.closes_at) != turn

    def test_terminals_spread_over_the_window_and_over_the_days(self) -> None:
        noon = at("2026-11-20T12:00")
        starts = {Nights(DEFAULT_WINDOW, SHANGHAI, f"S{n}", 3 * MINUTE).turn(noon) for n in range(200)}
        assert len(starts) > 80
        days = [Nights(DEFAULT_WINDOW, SHANGHAI, "S1", 3 * MINUTE).turn(noon + timedelta(days=n)) for n in range(20)]
        assert len({turn.opens_at.time() for turn in days if turn}) > 10

    def test_a_window_too_short_gives_no_turn(self) -> None:
        assert Nights(Window.parse("03:00-03:10"), SHANGHAI, "A", 10 * MINUTE).turn(at("2026-11-20T12:00")) is None

    def test_a_night_too_short_by_the_clock_change_waits_for_the_next(self) -> None:
        turn = Nights(Window.parse("01:30-03:30"), NEW_YORK, "A", 90 * MINUTE).turn(utc("2026-03-08T03:00"))
        assert turn is not None
        assert turn.opens_at.astimezone(NEW_YORK).date() == date(2026, 3, 9)

    @given(windows, windows, zones, moments, estimates)
    def test_opening_hours_are_cut_out_until_the_end_of_the_install(
        self, window: Window, hours: Window, zone: ZoneInfo, now: datetime, estimate: timedelta
    ) -> None:
        turn = Nights(window, zone, "A", estimate, hours=hours).turn(now)
        if turn is not None:
            latest_end = turn.closes_at - timedelta(seconds=1) + estimate
            for moment in (turn.opens_at, turn.closes_at - timedelta(seconds=1), latest_end):
                day = moment.astimezone(zone).date()
                spans = [span_on(hours, day + timedelta(days=ahead), zone) for ahead in (-1, 0)]
                assert not any(span and moment in span for span in spans)

    @given(windows, zones, moments, estimates)
    def test_quiet_time_is_when_the_shop_is_closed(
        self, hours: Window, zone: ZoneInfo, now: datetime, estimate: timedelta
    ) -> None:
        quiet = quiet_time(hours, zone, estimate, now)
        if quiet is not None:
            assert now < quiet.closes_at
            assert not shows(hours, minute_of(quiet.opens_at, zone))


class TestDefaultWindow:
    def test_three_to_five_for_a_shop_that_is_closed_then(self) -> None:
        assert default_window(None) == default_window(Window.parse("09:00-22:00")) == DEFAULT_WINDOW

    def test_a_bar_gets_the_middle_of_its_own_night(self) -> None:
        assert str(default_window(Window.parse("18:00-06:00"))) == "11:00-13:00"

    @given(windows)
    def test_never_inside_opening_hours(self, hours: Window) -> None:
        assert not default_window(hours).overlaps(hours)


class TestFreezes:
    def test_ranges_that_touch_are_one(self) -> None:
        ranges = [FreezeRange(date(2027, 2, 5), date(2027, 2, 12)), FreezeRange(date(2027, 1, 30), date(2027, 2, 4))]
        ((merged, span),) = freezes(ranges, SHANGHAI)
        assert merged == FreezeRange(date(2027, 1, 30), date(2027, 2, 12))
        assert span == Span(at("2027-01-30T00:00"), at("2027-02-13T00:00"))

    def test_a_midnight_that_is_skipped_still_begins_its_day(self) -> None:
        # Cairo, 24 April 2026: 00:00 becomes 01:00.
        ((_, span),) = freezes([FreezeRange(date(2026, 4, 24), date(2026, 4, 24))], CAIRO)
        assert span.closes_at - span.opens_at == timedelta(hours=23)
        assert span.opens_at.astimezone(CAIRO).hour == 1

    def test_a_day_that_comes_back_for_an_hour_is_still_frozen(self) -> None:
        # St. John's, 7 November 2010: at 00:01 the clock went back to 23:01 of the day before.
        st_johns, sixth = ZoneInfo("America/St_Johns"), date(2010, 11, 6)
        ((_, span),) = freezes([FreezeRange(sixth, sixth)], st_johns)
        again = utc("2010-11-07T02:45")
        assert again.astimezone(st_johns).date() == sixth
        assert again in span

    @given(days, st.integers(0, 90), zones, st.integers(-48, 48), st.integers(0, 59))
    def test_every_moment_of_a_frozen_day_is_frozen(
        self, first: date, length: int, zone: ZoneInfo, hours: int, minutes: int
    ) -> None:
        last = first + timedelta(days=length)
        ((_, span),) = freezes([FreezeRange(first, last)], zone)
        for edge in (span.opens_at, span.closes_at):
            moment = edge + timedelta(hours=hours, minutes=minutes)
            frozen_day = first <= moment.astimezone(zone).date() <= last
            assert moment in span or not frozen_day
            # A midnight that comes twice is frozen both times: an hour too long, never a moment too short.
            near_edge = abs(moment - span.opens_at) < timedelta(hours=1) or abs(moment - span.closes_at) <= timedelta(
                hours=1
            )
            assert frozen_day or near_edge or moment not in span


class TestPolls:
    NOW = at("2026-11-20T12:00")

    @given(st.integers(2, 86_399), st.text("ABC0123", min_size=1, max_size=8), moments)
    def test_the_interval_is_spread_by_a_fifth(self, interval_s: int, serial: str, now: datetime) -> None:
        sleep_s = poll_sleep_s(interval_s, serial, now)
        assert 2 <= sleep_s <= 86_399
        assert interval_s * 0.8 - 1 <= sleep_s <= interval_s * 1.2 + 1

    @given(st.integers(60, 86_399), st.integers(1, 86_400), moments)
    def test_one_poll_comes_before_the_window_and_one_as_it_opens(
        self, interval_s: int, ahead_s: int, now: datetime
    ) -> None:
        opens_at = now + timedelta(seconds=ahead_s)
        polls = 0
        while now < opens_at:
            last, now = now, now + timedelta(seconds=poll_sleep_s(interval_s, "DEMO-0001", now, opens_at))
            polls += 1
        assert now - opens_at <= timedelta(seconds=2)
        assert opens_at - last <= timedelta(seconds=730)
        assert polls <= ahead_s / (interval_s * 0.8) + 3

    def test_without_a_window_ahead_nothing_changes(self) -> None:
        assert poll_sleep_s(21_600, "A", self.NOW) == poll_sleep_s(21_600, "A", self.NOW, self.NOW - MINUTE)
