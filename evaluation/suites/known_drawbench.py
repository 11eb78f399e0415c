"""Fingerprints of the published DrawBench, by which a copy is told to be whole, cut or changed. No row of it is here.

The suite's publishers state no licence, so its prompts are not shipped. For each row, in the published order: the first
ten hex digits of the SHA-256 of `prompt<TAB>category` (folded), then of the prompt's letters and digits alone
(`identity.loose_key`).
"""

NAME = "drawbench"
CONTENT_HASH = "fd36006833d16fedf8ea21e81fc94ded3c53ddae829a8e359afb610960876d9c"
SHEET_ID = "1y7nAbmR4FREi6npB1u-Bo3GFdwdOPYJc617rBOxIRHY"
SHEET_URL = f"https://docs.google.com/spreadsheets/d/{SHEET_ID}"
EXPORT_URL = f"{SHEET_URL}/export?format=csv"
HOW_TO_GET = (
    f"To get it by hand: open {SHEET_URL} in a browser, choose File, Download, Comma-separated values, and load that"
    " file."
)

_FINGERPRINTS: dict[str, str] = {
    "Colors": """
        2304a99100 a33e2172bd 133d70f35e 0fedbe86e8 fbee159746 eaa2d1bc67 a7b5061b74 7768bb1ff2 40d961e223 67dc76041e
        eb57236f18 e94e610e9e f1e787cf9f 1f6964a2e0 043a61ae01 b3d66db05f 07483e16f0 2e494a32d4 351bdc6275 637e46b251
        9e6a812f15 0712422cbd 8bef67e847 8362b2c444 7f0afacbe5 0919c3c339 09a5c1faaa a5b2c5586e 27742b97e1 c617dbfefb
        277539af6a d1b567c7ac 1795f41ff4 08b13fa47d 5e9dec514c 067a1087d8 2d9b67b31b 6f877ab086 b12767881f 3c035b4206
        a01683795f 4e73a02b0c 4829cc8523 a8d08deabb 970f21ebe5 32e882e612 a2d4b0c38b a65889c6ce c61f040758 239d1f7cb8
    """,
    "Conflicting": """
        d5f3bcf9db 5bede41abf a7266324f0 c1ad4bd32f ed99e171f5 6fb0d7b8cd 0b1ff87fd1 350f69f7f0 0abed4bc10 4ebb7e88f8
        f81628036b 84e8bd6bab c1bb09f82f 68c728a1d4 b5d0cae2e2 cf3bf5f4f7 2e6a9d8fb7 3b516548a7 036605b16a 58760c7eb8
    """,
    "Counting": """
        a332fe7403 9ab81930f0 24ae1df580 bded02940f 96e41fa3e6 71a79c1f3f ab2583d1cc 42f6a9e52d 650564bd8f f917fa9a9b
        25d5c5e743 8a47a9a07a 2a24c34ddd 20faa137ae eabc70e970 b121b57b40 92c6114c0c cb4440d969 f8e6188d67 b9b945558d
        ad8d081266 757baacb6d 459d4092d2 2167156f0d 6f6e7c442c a89a0b10ad d5dc9e355d 1c8e39f417 2d0d006b1d 0ac221b718
        61d09a287e 7d2754639f 8b9c84628f c760138ebb d14fe40f13 42d5698862 223c8e0bac f041982a0f
    """,
    "DALL-E": """
        90971d9ffe df48d5dbf1 51514c03cc c4519303ad fd340c3863 94f2e00100 bd22253d09 269450f68f e5dec24b06 1b204cba8e
        ec0c14b264 5b2d9e67eb 78127418b5 bf58d46f68 4ba4ef8e33 43212fb21d 15d24603ec a661615185 e818d09c6b 60369bd150
        e299276ba1 f9e76ac95a 39862c27e7 8a4f8e3578 3700f9c59b 4cbd57a7cb ea84a4480b 7fb41b8bd2 b68b4634da e5b4297a33
        3dcc52ac51 06dd4843f3 3e61b2ff7d c6ad78dcbb 6c2204f8ea 071c02cd0c ff5ec5f90c 8e477fab99 ac29a91d35 7aa691d480
    """,
    "Descriptions": """
        29642b1ee3 fdf83dbf6e c83971e25c 2622a897b4 fbd9537297 e48956bec2 0824b57022 716bf18ced 576f613a00 1ff7ba2cfc
        fd12f3d239 318cb4151c e83ad93cfc abdce71471 efcd19b2fd 1af7e7c8db bc537c15c6 385f1ddc64 d59f6b887b a859bac87e
        dca1c8a281 db7189f814 278e54c258 9b14e88d07 fb80c4620f 3ff006eaf7 322732243b 651ae7f290 bb9de4c63c 4e2ab37160
        0547f80431 7b27a59c30 c0baac28e4 19afe1be8e 17cac484dc ded3cd54b5 74c3bd1e16 7a465d8b2c 8938097a00 9569baeb33
    """,
    "Gary Marcus et al.": """
        339dbcf5c1 3a03972eaf 27ac18528a 4b7df2b196 b414f38e11 e123673457 7814c32dce f5647c8b6e a681cd1307 6f349cfe5d
        c524bbf23e 6faaf908ea 5d149d3ce4 62f5a953f8 3d9cbe601d 4f73f8605f fae62421a6 c011fd4f7b e4f0499f75 7528f77a17
    """,
    "Misspellings": """
        248053d46b 51c630d04a 697f46b315 74275ca617 0a1497be68 019f7eccdb 93d19362f8 b20ba03c64 d649521816 cd39c487d9
        ba139b4764 1db4ec5d60 d414a8c851 735b78fa51 b451258aca d7ba3ee661 80c427524c ace36858d0 e977104176 aef2464d12
    """,
    "Positional": """
        a3641050c5 b6fb090723 0b46287aba 22c2d1f109 6e369ba6b8 f5e2935031 f81e224191 2aa7b7666f e63b800cce d080c25503
        ed99d50d0d 3a4d6919e8 97b44a0836 72d4064d1b 7c60a6f547 6fc7a3e113 41c6cbd7cc cfe025612d 6b4a535980 9158cc39d3
        eeee4dbaa4 41364c6d00 a0c2acf618 38fc3354e3 9e4d24347c a9d301931c 5a501f1249 7b75713717 5ae297cfb1 9521708a3c
        ed1bb1a617 7d0fbbd1a1 d6fd72bfc7 022626f568 2d9dfc95a4 d5d2792851 875c8ba2bc 142b63826c c76f679152 1487c5451b
    """,
    "Rare Words": """
        ab97bf2f99 296720dff1 fa66431cb3 3b518a5539 33916d9221 f95d3875db 3a70c19a35 88b22ea97c 64c7e6f708 93e5e9ec2a
        071e7753b9 245df0126e 5745b14faa 1ed37924fb
    """,
    "Reddit": """
        d048d545b9 b75b8f8ee0 8989731a6b f346632d43 4ad1e80ba9 a4a8e753cc 679d834a73 79098eb6d2 0dfdfa431a 48d04b4c06
        10954412df 7049e03e31 ca2761081a b86bcd45c5 904190493b 406f09b8cd df8e8e970d f39ef0c5a1 fa1ed2f41b 7d83ec5644
        731627cedb 2b2f786cee e5b6bbf4e6 4f29a15ab5 bc9bb9d965 7075197a65 82abee1b35 60371e2260 0b14868d7d f6b6c94274
        dad3fac1fc 6d98bfeb11 88986dc58b 0ed23e9554 bccd2bce9e 1cc11684cb 8e87725b87 3e06cf3237 f045d64e35 c78d32cc1d
        24ff86d79c 402048144a 9933dba835 1f282b9b81 aae18f07b1 e0ba2ea8bf be5504eb42 9f420f9997 c76f5199da 4c3675855b
        2a12ce91af 0f505276a1 928d9f38c6 cc784bef73 6aebf883b2 a5ad217cae 000bac7aa2 c7e35a9200 11e6094b6a 6672a954d7
        f49dcdab2b dce3cab488 84bf3ea2ba 5825538ef1 65b2de5266 86f0a391c0 f5b7c3be4b 9478122ef4 c288d3bc97 613d9b54f1
        20c8fcafc6 d105ee6162 13beb2fd13 5a6854673b 45e6db0b5c b99ab972a8
    """,
    "Text": """
        794adafc45 56289ca0f2 b48abd1cda 40d71fcda3 379bde81cc 4fd2fd49c2 ae24dcf3b4 de774df136 e7e59d040c 6f654ec196
        0a3050c6c8 929f63c054 f804e10400 6289edd715 4ab662fa71 bacb9604ea cc294b569f d894ea45a3 45479aabcf a85d8f1de7
        7287accc8c bfb97b40a8 eba44826f5 e99153e7f9 24bdb6e399 d408e6a8ed 94d6fe26c5 354c5585e3 085e35ad05 5c38f7416d
        2ae01f8e5b bf0d0ac80d 9af4da0da0 1f7bce6096 5bfdfd4151 96ee416ddf ffad5bafb3 ea2fdea468 5b4a3dde96 6a00ea29ed
        dd201a23b1 37f6fef41b
    """,
}

ROWS: tuple[tuple[str, str, str], ...] = tuple(
    (category, exact, loose)
    for category, digits in _FINGERPRINTS.items()
    for exact, loose in zip(digits.split()[::2], digits.split()[1::2], strict=True)
)
"""(category, fingerprint of the row, fingerprint of the prompt's letters), in the published order."""
