"""The bars of this bench: what its figures must be. The peer is plain mteb with sentence-transformers, in fp32."""

from benching.bars import Bar

BARS = (
    Bar("export_difference", "<=", 1e-6),  # largest cosine distance of an exported model's embedding to the encoder's
    Bar("types_offline", ">=", 7),  # of mteb's seven types in the paper, those that run without a network
    Bar("statistics_verified", ">=", 7),  # of them, those whose data were compared with the statistics mteb ships
    Bar("identical_scores", ">=", 1.0),  # share of the tasks whose scores are those of plain mteb, every digit
    Bar("resume_same", ">=", 1.0),  # share of the kills after which all files are those of one run
    Bar("coverage_low", ">=", 0.93),  # how often a 95% interval holds the true difference, least of all shapes
    Bar("coverage_high", "<=", 0.97),  # and the most
    Bar("encode_fp32", ">=", 1.4),  # our texts per second over the peer's
    Bar("encode_memory", "<=", 1.0),  # peak memory of our process over the peer's
    Bar("million_rss_mib", "<=", 1024),  # peak memory with a corpus of a million short texts
)
