// SPDX-License-Identifier: Apache-2.0
import Platform
import QAPI

extension RunState: QMPEnum {}
extension ShutdownCause: QMPEnum {}
