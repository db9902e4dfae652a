//! Signatures of which the padding was altered before the key was applied.

/// Of the text of 33; each has the right digest where it has one, if not said otherwise.
pub const PADDINGS: [(u16, &str, &str); 15] = [
    (
        46,
        "the length of the sequence in its long form",
        "KudI1-Bo-NhWAmNYu-aEGQA3ciNp-gKgGJETRino-l25uRh9peU1GWjmFfnda0SSZK8msCFMQ-ibIZxkwC1CUjxBRNwG1LqVtBa2mHtedT3lxKaS0nAQAzhsg0XWAEUjgnH1qtsYXknGzh-Vi_uVsu2yfPy6YhH9_8Ian984VRMzitHDzeNVcm1jc4vcB6iFicSl4cXWSijLxJSlVkDqMi8Neb3Zw-NQI3mQIt_3Eq51MncS-1vLBr0_qdAFREXVduyb-gRzgGSrE2pMxEO4Bbp5fvYnjaKsSdtNVvzayKwBDO418mfGzRbQyzpR2EeAFGIAkVRb_Mfh7Uil8nhBeg",
    ),
    (
        47,
        "a zero before the length of the sequence",
        "X8GIjUhtXgLeqJWHkaPaofWGF3PEJx0NpL8aj6sMI7d_gJyhERVrTvZQDEStdB6u3KLWPFc546RqawGYVaFEi_DmlIDfULOOx0bIxp1SDkDLHCaGXKq4pFd_vKngHu-Q2hr4A8WxdO-zaU99MSvlGrfUD5tdSpSV1yfdxSz0NRX0e60jA4Jx9iUbbC5i9iKj9DrxEmXm_EOygBiOlAH4_DfryfggoIFt3sp0LGcEEHsDc_oeFChLatwHhoSFqhK-ak-GF4Zsz8VW0K14gCufcNyWM4W-Qnv9UvHZaq39LE5akGUc7DxTFcnriw0gs1CtLl-u4-8vma6bBkHTanQ92Q",
    ),
    (
        48,
        "a sequence longer by one",
        "Gp0CRlwcx8OiQw_l7SS8f7j3KhiimSYtABJ6esU-fuebUSXajLaA25SZd8LdkxlLZloybb-hfnDw-IS7SepWcjXeP_u_tcWgrj3ogK2T5m2E-6FAxY2rwR80rAct83ZMupyZkw_ICaJ3MRyl77biMpbsGgeeniWnbyPnMx_LSdTBKNbuNn2uARNNS5G49ceEC2hZ8Id-8CyMj2hNE2z22vkV6yf7dN3BbkNWmuCt0H3ycSKk3Aftnd5feHLNsivtJxMwCYRPcAej1-FD2IvSsor_-8OAbr2GyDPqq6Icjo4ZxIoSaQJ7xYk4RMXH-SERhKg0dK3SPaiHTB55YrUCJg",
    ),
    (
        50,
        "a length of the sequence beyond 32 bits",
        "Vf-IHTRVGWNW2tlzp2LQWJjc2-7uhs40dRxRbF2mslzO3YFZ0IVUfCqVbIiD__08TLwLiVV0q1bIkdRyr5UcmEsZJlvHInz2zFLSgT7PSjmGbmSCNQdYo-Uc-Ei5qPMrbJ46885rzjyH549WHq4P5tC11cUGneVAKrFEEVv4uWnZSb4v4w-1TjsRE6_a4KpMCbJuRmtIP727d8uAiX3MLEhAbzzXWXJd7yK_gH5NZDz0-TzCZ11usL1RixS4lmOD1uvNqbbKyFCUTSn0ImCZHv5t2IZ0_PjzznO1_h87spXZpZSnPVG1nsKJo-OL-je-yLIz3Hirn6gSdLsnM2P2ZQ",
    ),
    (
        59,
        "no sequence",
        "F7S3oL6racMAA7D3H1UrEo1Ecr8YRxkUQs32K4IFWoAQPU8Tg0_6j23zOJncfho_BYfvC5UKejYFcYC6JIv3rPomgWuToiSvTpOk9HAuHmV5EMhsOZfLdsH0qVcuZSjLXR_w7m_Ljo8MQ9gwZerD3FBDxi6js7wuckcqEz_thjtatHia9bR4VvQ4SymBTnvW_ZudQwD_6afcqu72P223hJc7gTXPH9dgmm8E7Iz1R0_s5p54_3DWnbzw9DPB-zeRJI9M0oYpJl2BVawpYPTGYqez2HLKRCigbvzz-Q8SEKoheksRGue-ZSQsZlAWw0abqhqulnVZyMjuluD2AU4r9g",
    ),
    (
        61,
        "zeros at the end of the sequence",
        "CFfhT4N8_nZnxQSmAoxUZ8e82-yFklOoxXiZa0AYMQy6uetl9k_Wsy8t-k3K_kj35EahbptQ333B0IytIJrbMiY5S6C_KeS5ZoV6vpqpLX1jSw1m7bdPm2ioN4HEKsZOVGp3k0DZMc6NTXjW28dZhFJmeIgh1KTbbFCdu1Mh-6-6QAD_Hqy4k6sv1BmnL1cUJcTJ53wlTpAE-_jsFYi6TvpxQ6WeZoxb_Cs3f1SE0b7i07xFfx_cvhxUFs_zoWpRbdeU7dEQRdptjo66kIHYvAGgxJIA0taY1TT30da1hDuIFS9i3Ck1-e3fPY_Alp3IYERIZeHoG5LJ0V00q4oVWw",
    ),
    (
        63,
        "zeros behind the sequence",
        "NznBrBiN-MEEZMN09zKsdHwKb4KbAPf8jliegLr4NpHSjxsITE7Miu4nqQnzeEp5ows6zRzE99bzeUpvaZFWK6pDVOdsT057xg6rTqKEbUIMrWHZL4EH0toXRgtC2P-1J0uzifflUTheqPVuk4sqJHkvhf6jYZa-jQoZjxWgF6GP-VmVTpRfP2aesVEqKiaYfBno4ns8a02fGXZAmtT2folGABPxmLa6LfQiQOmUiy_GQEFihsgh53VXDZemlTub_dfVw__cLSyt-oatzBDLyLPJA3IWwMaV2jrFsvA8V39BceTL7rPpn4NIVL-yf8cPa09UhLTPHHgSgNdRILVRvA",
    ),
    (
        64,
        "a null at the end of the sequence",
        "DXI8YCdiic891lC1M5wXkdRNipUFaUxGxiZ6sIcKyoEb2v4UWCr72TR5tJeMSVr1hTO63pCN59OJsscP3tz1KALFHH2x5m9axNdluFcQHKowweZ7XOjxp5k2t9L-Z0h4FhbGUvUTH6kUu76LCKv10bR9ukXljkG1XF10q78d48KsRf62NdxlaFAfq5CdHJajlJEpYehIDmoOvtpeHWj3ES6_eyKHwYnJxbXPYUl5VRWMx2UwLioD_z_eX8MJ9jXgFBXURqnBm8ZUiVW45T2ESz8fZduGa2cuQ5JSBm-uP9ihj0zf7k31jm8bOxZ_i-feziZM0kArl8dRvihD0p1uiQ",
    ),
    (
        238,
        "a null at the end of the digest",
        "XT9oRGUq-2SIypTn9Xf4apKRymXWqdZLFcaqTcuUseSqLEVd4-0OEeIVApHOg23ps5w66LdaNyo2TnrKiI5VkP9166gMwc-QPBW0hNV3GnUUtD9M9lsPMTkS0oLBrYUmFS47I6sS5q-b77pBW6RlKLGBrsYugkWqkQPMLJsp1yk1UJYR4VFh5Bptc1N1A368eGSr-tBLqg1YXJF3Pg4JN-3-6AEd7V2Cutf3u2HQrue9djtQ76BPQg-1_s75SsBP5Xs3UeIq3npgyUXcZYy8v8pe1igYwP2nV5meX-oVbTh4Sb_kRy3rluqVAUXDOQz7tCSXQsTNehR6Q1Y-SrBlEA",
    ),
    (
        241,
        "anything at the end of the digest",
        "e8CZULg4BAKIDUDng9yKRlJrWejL33HVnrwlWjA76TIhQ5v9nukvH28y3pnqHwB7Pp5jxYiNt28csLgBQwNxK_ASsCPnH_QfSaRRtgkwLNyTG2N0cVrAN6PCip0BdpPiWjl_5Z3a-rZpyhoUroaUJ1UY10RFFiE3aYYYPrLpB2XiqbJ6HzukjYrbL95xQOZi83qO0qANMCts0dBc_X6-eYhFSVbd7k6L1RdbQmBIIvCoSmuGIL1rtGbWcu8VQ8CV_sHmKm0HXjcsHWUxsZrXN_QiNP25LNz1msSeHVOp5uR0YBkIIwARWjn23L5677uzt9-P_u4P6cynVAufYlTRlg",
    ),
    (
        247,
        "a null for the digest",
        "jSPXutCuzuE63HFG4srFKKTRAvoYIkfquEF8UYvsc70kGP6G_fFhflob-cdym5svQuZfnAgRGV55UMqE99IxA4f43DrnMiNfQZ8M3L0GvLqTOPu1EbgepoZektFomG6R7lAI7obs6ZAQg9-KVLGLjVUQ-andu4IIyym2lHfmrSjhv8zfoJS8bLFYCJLkQPkPZz3m_XXaWuGe4u_losyplxUqjOSW4F7vZ3mxxrsNEgjy-RW7MRL_BVCXBzh-4Dvjej49SRV84lVyFL2hr-8DzN4fcV_Fhj0YcPuv_CpE9_GyvE1Em0Keqtw2GXFpD_WMIEyVfzxIzyA55y1CAy9yzQ",
    ),
    (
        253,
        "an empty digest",
        "EGbe3QFVb0WBAVEFWTvRqBUM33l_pEHRYcDtCALKqkkd9ykvbUMfsGNMmAreDwUG_wMJZHDDqL7cP3B0YMgsBzLqe2LkShmZE9kbM6Am2DKIL8it5tzkj2lDjOcUf_SrUK6OzYnmZ_xiHL9SH-F5o7DWf-Pq5QuGn-DvylI_bNu_96wUFtNhLUHCgmx2CuUlDkEyWcjQIAbNkIo-hCvMbGHrIhilZNuL7LF_rBp_ykXs3fA-Pc2yJfkiT0GQ-PsoipKRtXkshZ0YCfEAmSIJmQl1IW40zdwVHGWyFZA48o6eluBRPWg36IeGwvLdeg9POZBEaH9rzeYf9SlrqSwHkg",
    ),
    (
        255,
        "another first byte of the digest",
        "BEWJf_MJ5K1NjFeDsrDOIvQAiDozS4NGzQkJ95LW3-_y6-fccJ73oOXiufAnd7Etxlpz9b4VqM1EkIW2YhomKv0Ws-szJKScCZry9UZ7TZNoLVNnPA4IyFAxfJqll6dbt1Ns1KCUoA1SKITvPXVanzuaQRVDyjfTL6xqhbPf5z8OLaH2rrcsLJ5EPwUxjH1JI5FjwoxpjtnZrot5_6M1DkcvIXh4yNeCuQsTutRy6qyYbeLZmAPhhr6lPIcvB-rdXt2ow7fl86iCIUAzIc4MzFTnDWug2A7PJuo1IToCV_HTIrBNVdFmgVuh2WH6axlvmn_SJEAVa5QubXD_rYUHvw",
    ),
    (
        256,
        "another last byte of the digest",
        "J55pf3wtsxwJFydUUsqpPUFIIjj3nK-Ur8PT4oGxj3-6dtLiX2Bh4ti36GLDQbJxjl2ht4qOrsXsQq6G-0IqTGP4rNReWptnAW4k33wOpKwfEe97Ye2r3w3AUAAezNs9QwgUEAldhnZzXshIs7EVhSjFCtTVp2QLfA_pbzZon6bo6JIq9as3Q-GM8bp1VJeTCcxgW6V0cviVgyBwekky8tODria7T4K0Ym298M1ikwD6iQW32whv5dnuTeuYlCgxeLG8EyJWZ0L2uBCO491B6lC1UX2zO88rra5dvGXzZ1pgkRqlcahvAWp4PWdhC3LXc_lZdCJxe7poFDZohJyKfw",
    ),
    (
        257,
        "a digest cut off",
        "hmDbjsL1OqHI1EZM6-0psZI5VsrYONb0HU8G0xoRp_HmIHpNNhbOu_BwMmC-whnTVA4SpnLAh_wx9fJUGxe_zKG9eRBjat22QLCE2X_4iwoCLhhw1D1BCv4bZWeOcfsgOG6rTxajrDAWVqw6YC7bmp2zaLmIntQiHOktKk6cIzhCX9Wun9FfCMv1WFBj4K03T_wI5d60NBWpoYUTuURDpMuj6m_d_gpyi5g12leIkPydBScGzmjEbAX1l6hSQMEtWcpHqEHakd4iOWMHW_KZPWM_478gcb0v3XIxdNzAViYxGN5Zxk_pwHqht5GYFLaJmqD_cISfuNi0jXxIpIiJhw",
    ),
];
