// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The calendar for devices, which may not import the host.
public typealias CalendarTime = HostIO.CalendarTime
