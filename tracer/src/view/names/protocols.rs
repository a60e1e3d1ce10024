//! Names of protocols of the address families that few programs use.

#![cfg_attr(rustfmt, rustfmt_skip)]

use super::{Menu, choices};

/// The protocols of a family.
pub(crate) const PROTOCOLS: &[(i32, &Menu)] = &[
    // strace looks the protocols of IrDA up among those of CAN.
    (23, &IRDA), (29, &CAN), (31, &BLUETOOTH), (33, &choices::FAMILY), (34, &ISDN), (35, &PHONET), (37, &CAIF),
    (39, &NFC), (41, &KCM), (43, &SMC),
];

/// `AX25_P_*`.
pub(crate) const AX25: Menu = Menu {
    unknown: "AX25_P_???",
    names: &[
        (1, "AX25_P_ROSE"), (6, "AX25_P_VJCOMP"), (7, "AX25_P_VJUNCOMP"), (8, "AX25_P_SEGMENT"),
        (195, "AX25_P_TEXNET"), (196, "AX25_P_LQ"), (202, "AX25_P_ATALK"),
        (203, "AX25_P_ATALK_ARP"), (204, "AX25_P_IP"), (205, "AX25_P_ARP"),
        (206, "AX25_P_FLEXNET"), (207, "AX25_P_NETROM"), (240, "AX25_P_TEXT"),
    ],
};

/// What is shown as a protocol of IrDA.
pub(crate) const IRDA: Menu = Menu {
    unknown: "IRDAPROTO_???",
    names: &[
        (1, "CAN_RAW"), (2, "CAN_BCM"), (3, "CAN_TP16"), (4, "CAN_TP20"), (5, "CAN_MCNET"),
        (6, "CAN_ISOTP"), (7, "CAN_J1939"),
    ],
};

/// `CAN_*`.
pub(crate) const CAN: Menu = Menu {
    unknown: "CAN_???",
    names: &[
        (1, "CAN_RAW"), (2, "CAN_BCM"), (3, "CAN_TP16"), (4, "CAN_TP20"), (5, "CAN_MCNET"),
        (6, "CAN_ISOTP"), (7, "CAN_J1939"),
    ],
};

/// `BTPROTO_*`.
pub(crate) const BLUETOOTH: Menu = Menu {
    unknown: "BTPROTO_???",
    names: &[
        (0, "BTPROTO_L2CAP"), (1, "BTPROTO_HCI"), (2, "BTPROTO_SCO"), (3, "BTPROTO_RFCOMM"),
        (4, "BTPROTO_BNEP"), (5, "BTPROTO_CMTP"), (6, "BTPROTO_HIDP"), (7, "BTPROTO_AVDTP"),
    ],
};

/// `ISDN_P_*`.
pub(crate) const ISDN: Menu = Menu {
    unknown: "ISDN_P_???",
    names: &[
        (0, "ISDN_P_BASE"), (1, "ISDN_P_TE_S0"), (2, "ISDN_P_NT_S0"), (3, "ISDN_P_TE_E1"),
        (4, "ISDN_P_NT_E1"), (16, "ISDN_P_LAPD_TE"), (17, "ISDN_P_LAPD_NT"),
        (33, "ISDN_P_B_RAW"), (34, "ISDN_P_B_HDLC"), (35, "ISDN_P_B_X75SLP"),
        (36, "ISDN_P_B_L2DTMF"), (37, "ISDN_P_B_L2DSP"), (38, "ISDN_P_B_L2DSPHDLC"),
    ],
};

/// `PN_PROTO_*`.
pub(crate) const PHONET: Menu = Menu {
    unknown: "PN_PROTO_???",
    names: &[
        (0, "PN_PROTO_TRANSPORT"), (1, "PN_PROTO_PHONET"), (2, "PN_PROTO_PIPE"),
    ],
};

/// `CAIFPROTO_*`.
pub(crate) const CAIF: Menu = Menu {
    unknown: "CAIFPROTO_???",
    names: &[
        (0, "CAIFPROTO_AT"), (1, "CAIFPROTO_DATAGRAM"), (2, "CAIFPROTO_DATAGRAM_LOOP"),
        (3, "CAIFPROTO_UTIL"), (4, "CAIFPROTO_RFM"), (5, "CAIFPROTO_DEBUG"),
    ],
};

/// `NFC_SOCKPROTO_*`.
pub(crate) const NFC: Menu = Menu {
    unknown: "NFC_SOCKPROTO_???",
    names: &[
        (0, "NFC_SOCKPROTO_RAW"), (1, "NFC_SOCKPROTO_LLCP"),
    ],
};

/// `KCMPROTO_*`.
pub(crate) const KCM: Menu = Menu {
    unknown: "KCMPROTO_???",
    names: &[
        (0, "KCMPROTO_CONNECTED"),
    ],
};

/// `SMCPROTO_*`.
pub(crate) const SMC: Menu = Menu {
    unknown: "SMCPROTO_???",
    names: &[
        (0, "SMCPROTO_SMC"), (1, "SMCPROTO_SMC6"),
    ],
};
